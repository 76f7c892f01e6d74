#include "reconcile/host/observe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <set>

#include "reconcile/objects/filters.hpp"
#include "reconcile/objects/freeze.hpp"
#include "reconcile/objects/project.hpp"

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

// A link as no more than its name and its place in a pair: without our marks it does not count as ours.
Link end_of_pair(const Link& link) {
  return Link{.name = link.name, .type = link.type, .peer = link.peer};
}

std::string forwarding_path(std::string_view device) {
  return fmt::format("net/ipv4/conf/{}/forwarding", device);
}

// Of the host's own namespace, and of a device that did not forward before.
bool is_opening(const ChangedSysctl& item) {
  return item.netns.empty() && item.original == "0" && item.path.starts_with("net/ipv4/conf/") &&
         item.path.ends_with("/forwarding");
}

// What observe() needs to know of the wish: names, sysctl paths, and which ends make a pair, as in many
// namespaces the same indexes come together; routes, and the subnets and files of endpoints. Not the entries.
HostObjects outline(const HostObjects& desired) {
  HostObjects out;
  for (const NamespaceObjects& space : desired.namespaces) {
    NamespaceObjects& asked = out.namespaces.emplace_back();
    asked.name = space.name;
    asked.sysctls = space.sysctls;
    asked.routes = space.routes;  // whose place others may have taken
    for (const Link& link : space.links) asked.links.push_back(end_of_pair(link));
    if (!is_tenants(space.name)) continue;
    asked.addresses = space.addresses;
    for (const HostsFile& file : space.hosts_files) {
      asked.hosts_files.push_back(HostsFile{.netns = file.netns, .file = file.file});
    }
  }
  return out;
}

// The devices in a set of this cluster's filter of the host.
std::vector<IfName> devices_in_filter(const NamespaceObjects* here, const Label& cluster,
                                      std::string_view set) {
  std::vector<IfName> devices;
  if (here == nullptr) return devices;
  for (const NftTable& table : here->nft_tables) {
    if (table.family != NftFamily::inet || !is_owner_mark(cluster, table.comment)) continue;
    const auto at = std::ranges::find(table.sets, set, &NftSet::name);
    if (at == table.sets.end()) continue;
    for (const Bytes& element : at->elements) {
      const auto end = std::ranges::find(element, 0);
      devices.push_back(IfName::from_kernel(std::string(element.begin(), end)));
    }
  }
  return devices;
}

bool contains(const std::vector<IfName>& devices, const IfName& device) {
  return std::ranges::find(devices, device) != devices.end();
}

const ChangedSysctl* find_changed(const std::vector<ChangedSysctl>& changed, const std::string& path) {
  const auto at = std::ranges::find_if(
      changed, [&](const ChangedSysctl& item) { return item.netns.empty() && item.path == path; });
  return at != changed.end() ? &*at : nullptr;
}

// Of br_netfilter: every namespace has its own.
constexpr std::array<std::string_view, 2> kBridgeFilters{"net/bridge/bridge-nf-call-ip6tables",
                                                         "net/bridge/bridge-nf-call-iptables"};

const Sysctl* find_sysctl(const NamespaceObjects& here, std::string_view path) {
  const auto at = std::ranges::find(here.sysctls, path, &Sysctl::path);
  return at == here.sysctls.end() ? nullptr : &*at;
}

// What tells which of a host's devices ovl opened: what it changed, and its filter as it stands.
class Opened {
 public:
  Opened(const std::vector<ChangedSysctl>& changed, const HostObjects& tables, const Label& cluster)
      : changed_(changed),
        opened_(devices_in_filter(tables.find(NetnsName()), cluster, kOpenedSet)),
        uplinks_(devices_in_filter(tables.find(NetnsName()), cluster, kUplinksSet)) {}

  // All whose values decide, and the switches of bridges.
  [[nodiscard]] HostObjects asked(const std::vector<IfName>& uplinks) const {
    HostObjects out;
    std::set<std::string> paths{forwarding_path("all"), forwarding_path("default")};
    for (const IfName& device : uplinks) paths.insert(forwarding_path(device.view()));
    for (const std::string& path : opened_paths()) paths.insert(path);
    for (const std::string_view path : kBridgeFilters) paths.emplace(path);
    for (const std::string& path : paths) out.at(NetnsName()).sysctls.push_back(Sysctl{.path = path});
    return out;
  }

  [[nodiscard]] std::vector<IfName> among(const std::vector<IfName>& uplinks,
                                          const NamespaceObjects& now) const {
    std::vector<IfName> out;
    if (before(now, "all") != "0") return out;
    std::size_t renamed = renamed_away(now, uplinks);
    for (const IfName& uplink : uplinks) {
      const bool known = is_forgotten(uplink) && contains(opened_, uplink);
      bool opened = known || before(now, uplink.view()) == "0";
      if (!opened && renamed > 0 && may_be_renamed(now, uplink)) {
        opened = true;
        --renamed;
      }
      if (opened) out.push_back(uplink);
    }
    return out;
  }

 private:
  [[nodiscard]] bool is_forgotten(const IfName& device) const {
    return find_changed(changed_, forwarding_path(device.view())) == nullptr;
  }

  // Of the devices that did not forward before.
  [[nodiscard]] std::set<std::string> opened_paths() const {
    std::set<std::string> paths;
    for (const ChangedSysctl& item : changed_) {
      if (is_opening(item)) paths.insert(item.path);
    }
    for (const IfName& device : opened_) paths.insert(forwarding_path(device.view()));
    return paths;
  }

  static std::string value(const NamespaceObjects& now, const std::string& path) {
    const Sysctl* at = find_sysctl(now, path);
    return at != nullptr ? at->value : std::string();
  }

  [[nodiscard]] std::string before(const NamespaceObjects& now, std::string_view device) const {
    const std::string path = forwarding_path(device);
    const ChangedSysctl* changed = find_changed(changed_, path);
    return changed != nullptr ? changed->original : value(now, path);
  }

  // How many opened devices are gone, and did not come back under a name that the filter has.
  [[nodiscard]] std::size_t renamed_away(const NamespaceObjects& now,
                                         const std::vector<IfName>& uplinks) const {
    const std::set<std::string> paths = opened_paths();
    const auto gone =
        std::ranges::count_if(paths, [&](const std::string& path) { return value(now, path).empty(); });
    const auto back = std::ranges::count_if(
        uplinks, [&](const IfName& one) { return is_forgotten(one) && contains(opened_, one); });
    return static_cast<std::size_t>(std::max<std::ptrdiff_t>(gone - back, 0));
  }

  // The kernel renames a device's settings with it. A new device forwards only where somebody says so.
  [[nodiscard]] bool may_be_renamed(const NamespaceObjects& now, const IfName& uplink) const {
    return is_forgotten(uplink) && !contains(uplinks_, uplink) &&
           value(now, forwarding_path("default")) == "0";
  }

  const std::vector<ChangedSysctl>& changed_;
  std::vector<IfName> opened_;
  std::vector<IfName> uplinks_;
};

}  // namespace

Result<HostSwitches> host_switches(Kernel& kernel, const Label& cluster,
                                   const std::vector<ChangedSysctl>& changed,
                                   const std::vector<IfName>& uplinks) {
  const HostObjects first = Opened(changed, HostObjects(), cluster).asked(uplinks);
  OVL_TRY(HostObjects seen, kernel.observe(first));
  const Opened opened(changed, seen, cluster);
  const HostObjects asked = opened.asked(uplinks);
  if (asked != first) {
    OVL_TRY(seen, kernel.observe(asked));
  }
  const NamespaceObjects& here = seen.at(NetnsName());
  HostSwitches out{.opened = opened.among(uplinks, here)};
  for (const std::string_view path : kBridgeFilters) {
    if (find_sysctl(here, path) != nullptr) out.bridge_filters.emplace_back(path);
  }
  OVL_TRY(out.needs_states, kernel.is_shut_by_others());
  return out;
}

bool recall_opened(const HostObjects& seen, const Label& cluster, std::vector<ChangedSysctl>& changed) {
  const NamespaceObjects* here = seen.find(NetnsName());
  bool more = false;
  for (const IfName& device : devices_in_filter(here, cluster, kOpenedSet)) {
    const std::string path = forwarding_path(device.view());
    if (find_changed(changed, path) != nullptr) continue;
    changed.push_back(ChangedSysctl{.netns = {}, .path = path, .original = "0", .ours = "1"});
    more = more || std::ranges::find(here->sysctls, path, &Sysctl::path) == here->sysctls.end();
  }
  return more;
}

void heed_router(const HostObjects& seen, std::vector<ChangedSysctl>& changed) {
  const NamespaceObjects* here = seen.find(NetnsName());
  const Sysctl* all = here != nullptr ? find_sysctl(*here, forwarding_path("all")) : nullptr;
  if (all == nullptr || all->value == "0") return;
  // Where ovl itself changed that one, it is not somebody's word.
  if (find_changed(changed, forwarding_path("all")) != nullptr) return;
  for (ChangedSysctl& item : changed) {
    if (is_opening(item)) item.original = item.ours;
  }
}

bool is_declared(const HostName& host, const Manifest* manifest, const Records& records) {
  return find_block(manifest, host) != nullptr || (manifest == nullptr && records.host(host) != nullptr);
}

Result<FactsRequest> facts_request(const HostName& host, const Manifest* manifest, const Records& records) {
  FactsRequest request{.host = host};
  const HostRecord* record = records.host(host);
  if (record != nullptr) request.recorded = record->advertise;
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
  if (record == nullptr) {
    return Error{.code = Errc::manifest,
                 .message = fmt::format("host {} is not declared", host.text()),
                 .hint = "say which of the declared hosts this machine is: --host NAME"};
  }
  // Of an interface an address that it has now: the one in the record may be what it had, and who writes
  // records elsewhere learns the new one from these facts.
  if (record->bind || !record->interface) {
    request.advertise = record->bind ? record->bind : record->advertise;
  } else {
    request.interface = record->interface;
  }
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
  if (std::ranges::any_of(changed, is_opening)) {
    want_sysctl(wanted,
                ChangedSysctl{.netns = {}, .path = forwarding_path("all"), .original = {}, .ours = {}});
  }
  return kernel.observe(wanted);
}

}  // namespace ovl
