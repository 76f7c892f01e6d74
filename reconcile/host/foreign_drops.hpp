// What other programs' filters on this host drop of its overlays' traffic: tunnels' packets, and what
// endpoints send out. Pure: for plan, status and doctor alike.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "model/plan/plan.hpp"
#include "model/records/records.hpp"
#include "reconcile/host/packet_fate.hpp"

namespace ovl {

enum class Traffic : std::uint8_t {
  tunnels_in,   // VXLAN from other hosts
  tunnels_out,  // VXLAN to them
  way_out       // from endpoints through the gateway, and the answers
};

struct ForeignDrop {
  Traffic traffic = Traffic::tunnels_in;
  std::string chain;            // "inet firewall input"; of iptables-legacy "iptables-legacy filter INPUT"
  UdpPort port;                 // of tunnels
  std::vector<HostName> peers;  // of tunnels: those whose packets it drops, sorted
  bool by_policy = false;
  bool sure = true;    // false: what the rules look at can't be told from here
  std::string remedy;  // commands
};

// A host with the records of its cluster and all facts, its own among them.
struct FilteredHost {
  const HostName& name;
  const Records& records;
  const Facts& facts;
};

// others: Kernel::filters_of_others(). Of tunnels only those of networks that have endpoints here and
// elsewhere, with at most 64 peers asked for.
std::vector<ForeignDrop> foreign_drops(std::span<const NftTable> others, const FilteredHost& host);

// A warning of a plan, "tunnel-drop" or "forward-drop".
Finding finding_of(const ForeignDrop& drop);

}  // namespace ovl
