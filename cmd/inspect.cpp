// ovl network|host|endpoint inspect NAME: one thing with everything known about it, as JSON: the
// record, what follows from it, and what this host's kernel holds of it.
#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "cmd/context.hpp"
#include "cmd/describe.hpp"
#include "cmd/exit.hpp"
#include "cmd/output_format.hpp"
#include "cmd/verbs.hpp"
#include "reconcile/project.hpp"

namespace ovl {

namespace {

Error unknown(const LsOptions& inspect) {
  return Error{.code = Errc::not_found,
               .message = fmt::format("there is no {} {}", inspect.kind, inspect.name),
               .hint = fmt::format("see them with: ovl {} ls", inspect.kind)};
}

template <class Record>
const Record* find(const std::vector<Record>& records, const std::string& name) {
  const auto at =
      std::ranges::find_if(records, [&](const Record& record) { return record.name.text() == name; });
  return at != records.end() ? &*at : nullptr;
}

// The kernel objects of one namespace, by kind.
Value space_json(const NamespaceObjects& space) {
  Value out = Value::object();
  out.set("netns", space.name.empty() ? std::string("host") : space.name.text());
  out.set("exists", space.name.empty() || space.netns.has_value());
  for_each_kind([&](auto member) {
    using Kind = typename std::decay_t<decltype(space.*member)>::value_type;
    if (!(space.*member).empty()) out.set(Kind::kind, encode(space.*member));
  });
  return out;
}

Result<Value> kernel_json(World& world, const std::vector<NetnsName>& names) {
  HostObjects wanted;
  for (const NetnsName& name : names) wanted.at(name);
  OVL_TRY(const HostObjects observed, world.kernel->observe(wanted));
  Value out = Value::array();
  for (const NamespaceObjects& space : observed.namespaces) {
    if (space.netns) out.push(space_json(space));
  }
  return out;
}

Value network_value(const NetworkRecord& network, const StoreView& view) {
  Value out = encode(network);
  out.set("effective_mtu", effective_mtu(network, view.records, view.facts));
  Value endpoints = Value::array();
  for (const EndpointRecord& endpoint : view.records.endpoints) {
    if (endpoint.network != network.name) continue;
    Value item = encode(endpoint);
    const HostRecord* host = view.records.host(endpoint.host);
    if (host != nullptr && host->advertise) item.set("vtep", host->advertise->text());
    endpoints.push(std::move(item));
  }
  out.set("endpoints", std::move(endpoints));
  return out;
}

Value host_value(const HostRecord& host, const StoreView& view) {
  Value out = encode(host);
  if (const HostFacts* facts = view.facts.host(host.name)) out.set("facts", encode(*facts));
  const auto status = view.status.find(host.name.text());
  if (status != view.status.end()) out.set("status", encode(status->second));
  return out;
}

// An endpoint with all its attachments.
Value endpoint_value(const std::string& name, const StoreView& view) {
  Value out = Value::object();
  Value attachments = Value::array();
  for (const EndpointRecord& endpoint : view.records.endpoints) {
    if (endpoint.name.text() != name) continue;
    Value item = encode(endpoint);
    const HostRecord* host = view.records.host(endpoint.host);
    if (host != nullptr && host->advertise) item.set("vtep", host->advertise->text());
    if (const NetworkRecord* network = view.records.network(endpoint.network)) {
      item.set("vni", network->vni.number());
      item.set("mtu", effective_mtu(*network, view.records, view.facts));
    }
    attachments.push(std::move(item));
  }
  out.set("name", name);
  out.set("attachments", std::move(attachments));
  return out;
}

struct Subject {
  Value value;
  std::vector<NetnsName> namespaces;  // where its objects are on the hosts that have it
};

Result<Subject> subject_of(const LsOptions& inspect, const StoreView& view) {
  Subject subject;
  if (inspect.kind == "network") {
    const NetworkRecord* network = find(view.records.networks, inspect.name);
    if (network == nullptr) return unknown(inspect);
    subject.value = network_value(*network, view);
    OVL_TRY(NetnsName sandbox, NetnsName::parse(std::string(kSandboxPrefix) + network->name.text()));
    subject.namespaces.push_back(std::move(sandbox));
  } else if (inspect.kind == "host") {
    const HostRecord* host = find(view.records.hosts, inspect.name);
    if (host == nullptr) return unknown(inspect);
    subject.value = host_value(*host, view);
  } else {
    const EndpointRecord* endpoint = find(view.records.endpoints, inspect.name);
    if (endpoint == nullptr) return unknown(inspect);
    subject.value = endpoint_value(inspect.name, view);
    subject.namespaces.push_back(endpoint->netns);
  }
  return subject;
}

Result<int> inspect_one(const GlobalOptions& global, const PlanOptions& options, const LsOptions& inspect) {
  OVL_TRY(Context context, Context::open(global, options, {.manifest = false, .identity = false}));
  OVL_TRY(const StoreView view,
          read_store(*context.world().keystore, StoreLayout(context.request().cluster)));
  OVL_TRY(Subject subject, subject_of(inspect, view));
  subject.value.set("format_version", kOutputFormat);
  if (!subject.namespaces.empty()) {
    OVL_TRY(Value kernel, kernel_json(context.world(), subject.namespaces));
    subject.value.set("kernel", std::move(kernel));
  }
  std::cout << subject.value.pretty_json() << "\n";
  return kExitDone;
}

}  // namespace

int run_inspect(const GlobalOptions& global, const PlanOptions& options, const LsOptions& inspect) {
  auto code = inspect_one(global, options, inspect);
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace ovl
