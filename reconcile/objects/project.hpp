// Stage "project": records and facts in; the objects that one host must hold out. Pure: the agent and
// a host without the manifest enter here.
#pragma once

#include <string>
#include <vector>

#include "model/plan/objects.hpp"
#include "model/plan/plan.hpp"
#include "model/records/records.hpp"
#include "reconcile/objects/filters.hpp"

namespace ovl {

struct ProjectInput {
  Label cluster;
  HostName host;
  const Records& records;
  const Facts& facts;                            // with the host's own, fresh ones
  std::vector<KeystoreAddress> keystores = {};   // of the keystore, which endpoints must not reach
  std::vector<IfName> opened = {};               // uplinks that forward only because ovl told them to
  std::vector<std::string> bridge_filters = {};  // switches of this kernel that a sandbox turns off
  std::vector<IpAddress> full_ttl = {};          // VTEPs on this host's links that send with full TTL, sorted
  std::vector<HostName> lost = {};               // whose tunnels' packets nobody takes, sorted
  bool needs_states = false;                     // another program here may ask conntrack about all packets
};

struct Projected {
  HostObjects objects;
  std::vector<std::string> waiting;  // peers whose VTEP is not known yet
  std::vector<Finding> problems;     // this host can't do what the records say
  std::vector<Finding> warnings;     // it can, but something else here may stand in the way
};

Projected project(const ProjectInput& input);

// The address by which this host's tunnels are reached: its record's or, where the record names an interface,
// the one that its own facts say the interface has now, which who writes records may not have heard of yet.
// Not one that another host has, or that is in a gateway pool. nullopt: not known yet.
std::optional<IpAddress> vtep_of(const HostRecord& host, const Records& records, const Facts& facts);

// The MTU that a network's devices get on every host: as declared, or the smallest underlay MTU among
// the hosts that have an endpoint in it, less the encapsulation (50 bytes over IPv4, 70 over IPv6).
std::uint32_t effective_mtu(const NetworkRecord& network, const Records& records, const Facts& facts);

// The mark in IFLA_IFALIAS, table comments and hosts files: "ovl:<cluster>/<what>".
std::string owner_mark(const Label& cluster, std::string_view what);

// Whether a mark is one of this cluster's.
bool is_owner_mark(const Label& cluster, std::string_view mark);

// The gateway bridge of a host.
inline constexpr std::string_view kGatewayBridge = "ovl-gw";

}  // namespace ovl
