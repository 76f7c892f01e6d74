// Cluster, keystore, hosts and renames.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "drivers/keystore/url.hpp"
#include "reconcile/base/fitness.hpp"
#include "reconcile/manifest/check_manifest.hpp"
#include "reconcile/words/suggest.hpp"

namespace ovl {

namespace {

// ---- keystore ----------------------------------------------------------------------------------

// Before anything else is said about a URL: it may hold a secret, which no message repeats.
bool has_user_information(std::string_view url) {
  const auto begin = url.find("://");
  if (begin == std::string_view::npos || url.starts_with("sqlite:")) return false;
  return url.find('@', begin) != std::string_view::npos;
}

void check_transport(const KeystoreBlock& block, const KeystoreUrl& url, Reporter& report) {
  const bool tls = block.tls_ca.has_value();
  if (tls && url.kind == StoreKind::zookeeper) {
    report.error("tls-unsupported", block.url.place, "the ZooKeeper client has no TLS",
                 "remove tls; set allow_plaintext = true, or put a TLS tunnel on this machine");
  }
  if (tls || block.allow_plaintext || url.is_local()) return;
  report.error("plaintext", block.url.place,
               fmt::format("transport to {} is not encrypted, and leaves this machine", store_name(url.kind)),
               "give tls = { ca = \"file:...\" }, or set allow_plaintext = true");
}

void check_keystore(const ManifestIndex& index, Reporter& report) {
  const KeystoreBlock& block = index.manifest().keystore;
  if (block.tls_cert.has_value() != block.tls_key.has_value()) {
    report.error("tls-half", block.place, "tls has only one of \"cert\" and \"key\"", "give both, or none");
  }
  if (block.url.value.empty()) return;
  if (has_user_information(block.url.value)) {
    report.error("secret-in-url", block.url.place, "a user or a secret does not belong in the URL",
                 "use the keys token, user and password with \"env:NAME\" or \"file:PATH\"");
    return;
  }
  const auto url = parse_keystore_url(block.url.value);
  if (!url.ok()) {
    report.error("invalid-value", block.url.place, url.error().message, url.error().hint);
    return;
  }
  // Without a value that was refused, transport may look plain that isn't.
  if (!index.is_damaged("keystore")) check_transport(block, url.value(), report);
}

// ---- hosts -------------------------------------------------------------------------------------

void check_vtep_address(const Located<IpAddress>& address, Reporter& report) {
  const std::string_view why = unfit_for_vtep(address.value);
  if (address.value.empty() || why.empty()) return;
  report.error("unfit-address", address.place, fmt::format("{} {}", address.value.text(), why),
               "give the address of the interface that faces the other hosts");
}

void check_bind(const HostBlock& host, Reporter& report) {
  if (!host.bind) return;
  check_vtep_address(*host.bind, report);
  const auto* advertised = std::get_if<IpAddress>(&host.advertise.value);
  if (advertised == nullptr || advertised->empty() || advertised->family() == host.bind->value.family())
    return;
  report.clash("mixed-families", host.bind->place, "\"bind\" and \"advertise\" are of different families",
               "give both as IPv4 or both as IPv6", host.advertise.place, "advertised here");
}

void check_gateway_pool(const HostBlock& host, Reporter& report) {
  if (!host.gateway_pool) return;
  const IpPrefix& pool = host.gateway_pool->value;
  const std::string_view why = unfit_for_pool(pool);
  if (why.empty()) return;
  report.error("unfit-subnet", host.gateway_pool->place, fmt::format("{} {}", pool.text(), why),
               "use a private IPv4 subnet of a /30 or larger, like 172.18.0.0/16");
}

void check_hosts(const Manifest& manifest, Reporter& report) {
  std::map<IpAddress, const HostBlock*> advertised;
  for (const HostBlock* block : by_place(manifest.hosts)) {
    const HostBlock& host = *block;
    check_bind(host, report);
    check_gateway_pool(host, report);
    const auto* address = std::get_if<IpAddress>(&host.advertise.value);
    if (address == nullptr || address->empty()) continue;
    check_vtep_address({.value = *address, .place = host.advertise.place}, report);
    const auto [first, is_new] = advertised.emplace(*address, &host);
    if (is_new) continue;
    report.clash("duplicate-address", host.advertise.place,
                 fmt::format("hosts \"{}\" and \"{}\" advertise the same address {}",
                             first->second->name.text(), host.name.text(), address->text()),
                 "each host has an address of its own", first->second->advertise.place,
                 "also advertised here");
  }
}

// ---- moved -------------------------------------------------------------------------------------

struct MovedName {
  std::string kind;
  std::string name;
};

std::optional<MovedName> parse_moved(std::string_view text) {
  const auto dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string kind(text.substr(0, dot));
  const std::string_view name = text.substr(dot + 1);
  if (kind == "host") {
    auto host = HostName::parse(name);
    return host.ok() ? std::optional(MovedName{kind, host.value().text()}) : std::nullopt;
  }
  auto label = Label::parse(name);
  if ((kind != "network" && kind != "endpoint") || !label.ok()) return std::nullopt;
  return MovedName{kind, label.value().text()};
}

class MovedCheck {
 public:
  MovedCheck(const ManifestIndex& index, Reporter& report) : index_(index), report_(report) {
    add("host", index.manifest().hosts);
    add("network", index.manifest().networks);
    add("endpoint", index.manifest().endpoints);
    for (const MovedBlock& block : index.manifest().moved) next_.emplace(block.from.value, block.to.value);
  }

  void check(const MovedBlock& block) {
    const auto from = parsed(block.from);
    const auto to = parsed(block.to);
    if (!from || !to) return;
    if (from->kind != to->kind) {
      report_.error("moved-kind", block.to.place,
                    fmt::format("this goes from {} to {}, but the kind stays", from->kind, to->kind),
                    "keep the kind, change the name");
      return;
    }
    const bool leads_on = next_.contains(block.to.value);
    if (exists(*from)) {
      report_.error("moved-from-exists", block.from.place,
                    fmt::format("{} \"{}\" is still in the manifest", from->kind, from->name),
                    "remove this [[moved]], or the block of the old name");
    }
    if (!exists(*to) && !leads_on && index_.complete()) {
      report_.error(
          "moved-to-missing", block.to.place, fmt::format("there is no {} \"{}\"", to->kind, to->name),
          suggesters_.at(to->kind).suggest(to->name, fmt::format("define [{}.{}]", to->kind, to->name)));
    }
    once(block.from, *from);
    if (!ends_in_circle(block.from.value)) return;
    report_.error("moved-circle", block.from.place,
                  fmt::format("{} \"{}\" is renamed in a circle", from->kind, from->name),
                  "remove the [[moved]] that goes back to an older name");
  }

 private:
  std::optional<MovedName> parsed(const Located<std::string>& text) {
    if (text.value.empty()) return std::nullopt;
    auto name = parse_moved(text.value);
    if (!name) {
      report_.error("moved-name", text.place, "this names no block",
                    "write host.NAME, network.NAME or endpoint.NAME");
    }
    return name;
  }

  template <class Block>
  void add(const std::string& kind, const std::vector<Block>& blocks) {
    suggesters_.emplace(kind, blocks);
    for (const Block& block : blocks) names_.emplace(kind, block.name.text());
  }

  [[nodiscard]] bool exists(const MovedName& name) const {
    return names_.contains(std::pair<std::string, std::string>(name.kind, name.name));
  }

  void once(const Located<std::string>& text, const MovedName& name) {
    const auto [first, is_new] = seen_.emplace(text.value, text.place);
    if (is_new) return;
    report_.clash("moved-twice", text.place, fmt::format("{} \"{}\" is moved twice", name.kind, name.name),
                  "remove one of the two [[moved]]", first->second, "the other one is here");
  }

  // Whether the walk from a name, which ends at a block, comes back to where it was. Each name is walked over
  // once, so each circle is found at one of its names.
  bool ends_in_circle(const std::string& from) {
    std::set<std::string> way;
    std::string at = from;
    for (auto next = next_.find(at); next != next_.end() && walked_.insert(at).second;
         next = next_.find(at)) {
      way.insert(at);
      at = next->second;
    }
    return way.contains(at);
  }

  const ManifestIndex& index_;
  Reporter& report_;
  std::map<std::string, Suggester> suggesters_;          // by kind
  std::set<std::pair<std::string, std::string>> names_;  // kind and name
  std::map<std::string, std::string> next_;              // each name's new one
  std::set<std::string> walked_;
  std::map<std::string, Place> seen_;
};

}  // namespace

void check_cluster(const ManifestIndex& index, Reporter& report) {
  const Manifest& manifest = index.manifest();
  if (manifest.cluster.place.line == 0 && index.complete()) {
    report.error("missing-block", Place{}, "the manifest has no [cluster]",
                 "add [cluster] with name = \"demo\"");
  }
  check_keystore(index, report);
  check_hosts(manifest, report);
  MovedCheck moved(index, report);
  for (const MovedBlock& block : manifest.moved) moved.check(block);
}

}  // namespace ovl
