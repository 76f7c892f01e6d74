#include "tests/support/manifest_dump.hpp"

namespace ovl::test {

namespace {

template <class T>
Value list(const std::vector<Located<T>>& values) {
  Value out = Value::array();
  for (const auto& value : values) out.push(encode(value.value));
  return out;
}

template <class T>
void put(Value& out, std::string_view name, const std::optional<Located<T>>& value) {
  if (value) out.set(name, encode(value->value));
}

template <class T>
void put(Value& out, std::string_view name, const std::vector<Located<T>>& values) {
  if (!values.empty()) out.set(name, list(values));
}

void put(Value& out, std::string_view name, const std::optional<SecretRef>& secret) {
  if (!secret) return;
  out.set(name, (secret->where == SecretRef::Where::env ? "env:" : "file:") + secret->name);
}

void put_common(Value& out, const Labels& labels, bool protect) {
  if (!labels.empty()) out.set("labels", encode(labels));
  if (protect) out.set("protect", true);
}

void put_automatic(Value& out, const AutoKeys& keys) {
  if (!keys.empty()) out.set("automatic", encode(keys));
}

Value keystore_value(const KeystoreBlock& keystore) {
  Value out = Value::object();
  out.set("url", keystore.url.value);
  put(out, "token", keystore.token);
  put(out, "user", keystore.user);
  put(out, "password", keystore.password);
  put(out, "tls_ca", keystore.tls_ca);
  put(out, "tls_cert", keystore.tls_cert);
  put(out, "tls_key", keystore.tls_key);
  if (keystore.allow_plaintext) out.set("allow_plaintext", true);
  return out;
}

Value host_value(const HostBlock& host) {
  Value out = Value::object();
  out.set("name", host.name.text());
  const auto* address = std::get_if<IpAddress>(&host.advertise.value);
  out.set(address != nullptr ? "advertise" : "interface",
          address != nullptr ? address->text() : std::get<IfName>(host.advertise.value).text());
  put(out, "bind", host.bind);
  put(out, "gateway_pool", host.gateway_pool);
  put_automatic(out, host.automatic);
  put_common(out, host.labels, host.protect);
  return out;
}

Value network_value(const NetworkBlock& network) {
  Value out = Value::object();
  out.set("name", network.name.text());
  put(out, "subnets", network.subnets);
  put(out, "gateways", network.gateways);
  put(out, "ip_range", network.ip_range);
  put(out, "reserved", network.reserved);
  put(out, "vni", network.vni);
  put(out, "mtu", network.mtu);
  put(out, "port", network.port);
  put_automatic(out, network.automatic);
  if (network.internal) out.set("internal", true);
  if (network.frames != FrameTypes::ip) out.set("frames", Value(name_of(network.frames)));
  if (network.adopt != AdoptMode::never) out.set("adopt", Value(name_of(network.adopt)));
  put_common(out, network.labels, network.protect);
  return out;
}

Value attachment_value(const AttachmentBlock& attachment) {
  Value out = Value::object();
  out.set("network", attachment.network.value.text());
  put(out, "addresses", attachment.addresses);
  put(out, "mac", attachment.mac);
  put_automatic(out, attachment.automatic);
  put(out, "aliases", attachment.aliases);
  return out;
}

Value endpoint_value(const EndpointBlock& endpoint) {
  Value out = Value::object();
  out.set("name", endpoint.name.text());
  out.set("host", endpoint.host.value.text());
  put(out, "netns", endpoint.netns);
  Value attachments = Value::array();
  for (const auto& attachment : endpoint.attachments) attachments.push(attachment_value(attachment));
  out.set("attachments", std::move(attachments));
  if (endpoint.link_local != LinkLocal::eui64) out.set("link_local", Value(name_of(endpoint.link_local)));
  put_common(out, endpoint.labels, endpoint.protect);
  return out;
}

Value moved_value(const MovedBlock& moved) {
  Value out = Value::object();
  out.set("from", moved.from.value);
  out.set("to", moved.to.value);
  return out;
}

// Each rule in its own words.
template <class Rule>
void put_rules(Value& out, std::string_view name, const std::vector<Rule>& rules) {
  Value texts = Value::array();
  for (const Rule& rule : rules) texts.push(rule.text());
  if (!rules.empty()) out.set(name, std::move(texts));
}

Value policy_value(const Policy& policy) {
  Value out = Value::object();
  if (policy.max_destroy) out.set("max_destroy", policy.max_destroy->text());
  put_rules(out, "protect", policy.protect);
  put_rules(out, "subnets", policy.subnets);
  put_rules(out, "hosts", policy.hosts);
  if (policy.vni) out.set("vni", policy.vni->min.text() + "-" + policy.vni->max.text());
  put_rules(out, "forbid", policy.forbid);
  put_rules(out, "windows", policy.windows);
  if (policy.require_signed) out.set("require_signed", true);
  return out;
}

template <class Block>
void put_all(Value& out, std::string_view name, const std::vector<Block>& blocks,
             Value (*one)(const Block&)) {
  Value values = Value::array();
  for (const Block& block : blocks) values.push(one(block));
  if (!blocks.empty()) out.set(name, std::move(values));
}

}  // namespace

Value manifest_value(const Manifest& manifest) {
  Value out = Value::object();
  out.set("cluster", manifest.cluster.value.text());
  if (!manifest.keystore.url.value.empty()) out.set("keystore", keystore_value(manifest.keystore));
  if (manifest.policy) out.set("policy", policy_value(*manifest.policy));
  put_all(out, "hosts", manifest.hosts, host_value);
  put_all(out, "networks", manifest.networks, network_value);
  put_all(out, "endpoints", manifest.endpoints, endpoint_value);
  put_all(out, "moved", manifest.moved, moved_value);
  return out;
}

}  // namespace ovl::test
