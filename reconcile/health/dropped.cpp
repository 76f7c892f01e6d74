#include "reconcile/health/dropped.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "reconcile/objects/project.hpp"
#include "reconcile/objects/rules.hpp"

namespace ovl {

namespace {

struct DropReason {
  std::string_view name;
  std::string_view meaning;
  std::string_view remedy;
};

constexpr std::array kReasons{
    DropReason{"address", "an endpoint's packet with an address that is not its own",
               "look who uses another address inside an endpoint"},
    DropReason{"discovery",
               "what every endpoint's device begins with: questions for routers, of which no "
               "network has any, and reports before it has an address",
               ""},
    DropReason{
        "disguise", "VXLAN that would have left as if this host had sent it",
        "look which container or endpoint sends VXLAN; a guest with a VTEP of its own is not masqueraded"},
    DropReason{"forward", "between an endpoint and what is no device of a default route", ""},
    DropReason{"frame", "an endpoint's frame of a kind that passes between no endpoints", ""},
    DropReason{"ipv6", "IPv6 from an endpoint to its gateway, which has none", ""},
    DropReason{"keystore", "from an endpoint to the keystore's ports",
               "look which endpoint tries the keystore"},
    DropReason{"mac", "an endpoint's frame with a MAC that is not its own",
               "look who uses another MAC inside an endpoint"},
    DropReason{"port", "from an endpoint to a VXLAN port", "look which endpoint sends VXLAN"},
    DropReason{"router", "forwarded for others, which this host did not do before ovl",
               "if it shall be a router: sysctl net.ipv4.ip_forward=1, then ovl apply"},
    DropReason{
        "source", "a VTEP's packet by an interface that does not lead back to it",
        "where ways differ, route to the VTEP by the interface that its packets come in by, or set "
        "source_check = \"loose\" in this host's block and give that interface such a route with a higher "
        "metric"},
    DropReason{
        "ttl", "a packet of a VTEP on this host's link that came by a router",
        "look who sends as that VTEP; where a router answers ARP for the link's hosts, set ttl_check = "
        "\"off\" in this host's block"},
    DropReason{"uid", "a user's datagram to a VXLAN port, or VXLAN to a VTEP",
               "look which program of a user other than root sends to the VXLAN port"},
    DropReason{"vni", "one of our VNIs from an address that is no VTEP of the cluster",
               "another cluster may use the same VNI; a host's VTEP is its `advertise`"}};

const DropReason* find_reason(std::string_view name) {
  const auto at = std::ranges::find(kReasons, name, &DropReason::name);
  return at == kReasons.end() ? nullptr : &*at;
}

// Ours stand in the host's own namespace and in sandboxes. What stands in an endpoint's is its root's word.
bool has_filters(const NamespaceObjects& space) {
  return space.name.empty() || space.name.text().starts_with(kSandboxPrefix);
}

void add_counters(const NftTable& table, std::map<std::string_view, std::uint64_t>& sums) {
  for (const NftCounter& counter : table.counters) {
    if (!counter.name.starts_with(rules::kDroppedPrefix)) continue;
    const DropReason* known =
        find_reason(std::string_view(counter.name).substr(rules::kDroppedPrefix.size()));
    if (known != nullptr) sums[known->name] += counter.packets;
  }
}

}  // namespace

std::vector<Dropped> dropped_by(const HostObjects& observed, const Label& cluster) {
  std::map<std::string_view, std::uint64_t> sums;
  for (const NamespaceObjects& space : observed.namespaces) {
    if (!has_filters(space)) continue;
    for (const NftTable& table : space.nft_tables) {
      if (is_owner_mark(cluster, table.comment)) add_counters(table, sums);
    }
  }
  std::vector<Dropped> out;
  out.reserve(sums.size());
  for (const auto& [reason, packets] : sums) out.push_back({std::string(reason), packets});
  return out;
}

std::string_view meaning_of_drop(std::string_view reason) {
  const DropReason* found = find_reason(reason);
  return found == nullptr ? reason : found->meaning;
}

std::string_view remedy_of_drop(std::string_view reason) {
  const DropReason* found = find_reason(reason);
  return found == nullptr ? std::string_view() : found->remedy;
}

}  // namespace ovl
