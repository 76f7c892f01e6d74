#include "reconcile/observe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "reconcile/filters.hpp"
#include "reconcile/project.hpp"
#include "reconcile/rules.hpp"

namespace ovl {

namespace {

const HostBlock* find_block(const Manifest* manifest, const HostName& host) {
  if (manifest == nullptr) return nullptr;
  const auto at = std::ranges::find(manifest->hosts, host, &HostBlock::name);
  return at != manifest->hosts.end() ? &*at : nullptr;
}

void want_sysctl(HostObjects& wanted, const ChangedSysctl& changed) {
  auto& sysctls = wanted.at(changed.netns).sysctls;
  const auto at = std::ranges::lower_bound(sysctls, changed.path, {}, &Sysctl::path);
  if (at != sysctls.end() && at->path == changed.path) return;
  sysctls.insert(at, Sysctl{.path = changed.path, .value = changed.ours});
}

// A link as no more than one end of its pair: without our marks it does not count as ours.
Link end_of_pair(const Link& link) {
  return Link{.name = link.name, .type = link.type, .peer = link.peer};
}

std::string forwarding_path(std::string_view device) {
  return fmt::format("net/ipv4/conf/{}/forwarding", device);
}

// What observe() needs to know of the wish: names, sysctl paths, and which ends make a pair, as in many
// namespaces the same indexes come together; and routes. Not the entries.
HostObjects outline(const HostObjects& desired) {
  HostObjects out;
  for (const NamespaceObjects& space : desired.namespaces) {
    NamespaceObjects& asked = out.namespaces.emplace_back();
    asked.name = space.name;
    asked.sysctls = space.sysctls;
    asked.routes = space.routes;  // whose place others may have taken
    for (const Link& link : space.links) {
      if (link.peer) asked.links.push_back(end_of_pair(link));
    }
  }
  return out;
}

// Devices that this cluster's filter of the host has as opened.
std::vector<Bytes> opened_in_filter(const NamespaceObjects& here, const Label& cluster) {
  for (const NftTable& table : here.nft_tables) {
    if (table.family != NftFamily::inet || !is_owner_mark(cluster, table.comment)) continue;
    const auto at = std::ranges::find(table.sets, kOpenedSet, &NftSet::name);
    if (at != table.sets.end()) return at->elements;
  }
  return {};
}

// Of br_netfilter: every namespace has its own.
constexpr std::array<std::string_view, 2> kBridgeFilters{"net/bridge/bridge-nf-call-ip6tables",
                                                         "net/bridge/bridge-nf-call-iptables"};

HostObjects switches_of(const std::vector<IfName>& uplinks) {
  HostObjects asked;
  std::vector<Sysctl>& sysctls = asked.at(NetnsName()).sysctls;
  sysctls.push_back(Sysctl{.path = forwarding_path("all")});
  for (const IfName& uplink : uplinks) sysctls.push_back(Sysctl{.path = forwarding_path(uplink.view())});
  for (const std::string_view path : kBridgeFilters) sysctls.push_back(Sysctl{.path = std::string(path)});
  asked.sort();
  return asked;
}

const Sysctl* find_sysctl(const NamespaceObjects& here, std::string_view path) {
  const auto at = std::ranges::find(here.sysctls, path, &Sysctl::path);
  return at == here.sysctls.end() ? nullptr : &*at;
}

std::vector<IfName> opened_devices(const NamespaceObjects& here, const Label& cluster,
                                   const std::vector<ChangedSysctl>& changed,
                                   const std::vector<IfName>& uplinks) {
  std::vector<IfName> opened;
  const std::vector<Bytes> in_filter = opened_in_filter(here, cluster);
  const auto is_off = [&](const std::string& path) {
    const auto before = std::ranges::find_if(
        changed, [&](const ChangedSysctl& item) { return item.netns.empty() && item.path == path; });
    if (before != changed.end()) return before->original == "0";
    const Sysctl* now = find_sysctl(here, path);
    return now != nullptr && now->value == "0";
  };
  if (!is_off(forwarding_path("all"))) return opened;
  for (const IfName& uplink : uplinks) {
    const bool forgotten = std::ranges::none_of(changed, [&](const ChangedSysctl& item) {
      return item.netns.empty() && item.path == forwarding_path(uplink.view());
    });
    const bool known = std::ranges::find(in_filter, rules::bytes_of(uplink)) != in_filter.end();
    if ((forgotten && known) || is_off(forwarding_path(uplink.view()))) opened.push_back(uplink);
  }
  return opened;
}

}  // namespace

Result<HostSwitches> host_switches(Kernel& kernel, const Label& cluster,
                                   const std::vector<ChangedSysctl>& changed,
                                   const std::vector<IfName>& uplinks) {
  OVL_TRY(HostObjects seen, kernel.observe(switches_of(uplinks)));
  const NamespaceObjects& here = seen.at(NetnsName());
  HostSwitches out{.opened = opened_devices(here, cluster, changed, uplinks)};
  for (const std::string_view path : kBridgeFilters) {
    if (find_sysctl(here, path) != nullptr) out.bridge_filters.emplace_back(path);
  }
  return out;
}

bool is_declared(const HostName& host, const Manifest* manifest, const Records& records) {
  return find_block(manifest, host) != nullptr || (manifest == nullptr && records.host(host) != nullptr);
}

Result<FactsRequest> facts_request(const HostName& host, const Manifest* manifest, const Records& records) {
  FactsRequest request{.host = host};
  if (const HostBlock* block = find_block(manifest, host)) {
    if (block->bind) {
      request.advertise = block->bind->value;
    } else if (const auto* address = std::get_if<IpAddress>(&block->advertise.value)) {
      request.advertise = *address;
    } else {
      request.interface = std::get<IfName>(block->advertise.value);
    }
    return request;
  }
  const HostRecord* record = records.host(host);
  if (record == nullptr) {
    return Error{.code = Errc::manifest,
                 .message = fmt::format("host {} is not declared", host.text()),
                 .hint = "say which of the declared hosts this machine is: --host NAME"};
  }
  request.advertise = record->bind ? record->bind : record->advertise;
  if (record->interface) request.interface = record->interface;
  return request;
}

Result<std::vector<NetnsName>> known_namespaces(Kernel& kernel, const State& state, Look look) {
  OVL_TRY(std::vector<NetnsName> known, state.namespaces());
  OVL_TRY(const bool certain, state.is_certain());
  if (certain && look == Look::as_remembered) return known;
  OVL_TRY(const std::vector<NetnsName> marked, kernel.owned_namespaces());
  std::vector<NetnsName> all;
  std::ranges::set_union(known, marked, std::back_inserter(all));
  return all;
}

Result<std::vector<ChangedSysctl>> changed_sysctls(const State& state) {
  OVL_TRY(const std::vector<Original> originals, state.originals());
  std::vector<ChangedSysctl> out;
  out.reserve(originals.size());
  for (const Original& item : originals) {
    out.push_back(
        ChangedSysctl{.netns = item.netns, .path = item.path, .original = item.original, .ours = item.ours});
  }
  return out;
}

Result<HostObjects> observe(Kernel& kernel, const State& state, const HostObjects& desired,
                            const std::vector<ChangedSysctl>& changed, const Adoption& adoption, Look look) {
  HostObjects wanted = outline(desired);
  adoption.add_links(desired, wanted);
  wanted.at(NetnsName());  // the gateway bridge and the host's filter live there
  OVL_TRY(const std::vector<NetnsName> known, known_namespaces(kernel, state, look));
  for (const NetnsName& name : known) wanted.at(name);
  for (const ChangedSysctl& item : changed) want_sysctl(wanted, item);
  return kernel.observe(wanted);
}

}  // namespace ovl
