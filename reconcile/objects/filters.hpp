// The two packet filters of a host, as pure functions from small inputs to whole nft tables. A table is
// the same for the same input in any order, and more ports or hosts cost only set elements.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/kinds/nft_table.hpp"

namespace ovl {

// The name of every table of ours; whose it is says its comment.
inline constexpr std::string_view kTableName = "ovl";
// The set of devices that forward only because ovl told them to, in the table of the host's namespace.
inline constexpr std::string_view kOpenedSet = "opened";
// The set of devices by which endpoints leave, there too.
inline constexpr std::string_view kUplinksSet = "uplinks";

// The sets of VTEPs of lost hosts, there too.
inline constexpr std::array<std::string_view, 2> kLostSets{"lost4", "lost6"};

// The sets of VTEPs that full TTL is demanded of, in the same table; sorted.
inline constexpr std::array<std::string_view, 2> kFullTtlSets{"full_ttl4", "full_ttl6"};

// A bridge port that leads to one endpoint, and what that endpoint may call itself.
struct FilteredPort {
  IfName port;
  MacAddress mac;
  std::vector<IpAddress> addresses;  // both families; the link-local of the MAC is added
  bool any_link_local = false;       // also such as no MAC of the segment stands for
};

// What a filtered bridge belongs to.
struct FilteredSegment {
  bool any_frames = false;         // Ethernet of every type but VLAN tags and RARP
  std::vector<MacAddress> others;  // of its endpoints on other hosts
};

// The bridge table of a sandbox, or of the host for its gateway bridge. Each listed port sends only from
// its own MAC and addresses: Ethernet, ARP, IPv4, IPv6 and neighbour discovery, and other types of frames
// where the segment has them. What comes in through any other port (the VXLAN device's) or from the host
// itself passes. owner: the mark in the table's comment, at most 253 bytes.
NftTable port_filter(std::string_view owner, std::span<const FilteredPort> ports,
                     const FilteredSegment& segment = {});

// A keystore server, and a port that it listens on: for its clients, or for its peers.
struct KeystoreAddress {
  IpAddress address;  // none: not known, as of a name
  UdpPort port;

  auto operator<=>(const KeystoreAddress&) const = default;
};

// The gateway bridge in the host's own namespace, the endpoints' way out.
struct GatewayFilter {
  IfName bridge;
  IpPrefix pool;                // IPv4: the addresses behind the bridge
  std::vector<IfName> uplinks;  // where they may leave to
  std::vector<KeystoreAddress> keystores;
  std::vector<IfName> opened;  // devices that forward IPv4 only because ovl told them to
};

struct HostFilter {
  std::string owner;                 // the mark in the table's comment, at most 253 bytes
  std::vector<Vni> vnis;             // of our networks on this host
  std::vector<Vni> cluster_vnis;     // of all our networks
  std::vector<UdpPort> vxlan_ports;  // all that our networks use
  std::vector<IpAddress> vteps;      // of the cluster's other hosts, both families
  std::vector<IpAddress> lost;       // of them, those whose packets are taken no longer
  std::vector<IpAddress> own;        // this host's addresses that its tunnels leave with
  std::vector<IfName> ways;          // devices by which a VTEP could be reached
  bool tracked = false;              // whether conntrack sees the tunnels' packets
  // The devices by which a VTEP's packets may come; none: those by which this host would answer it.
  std::optional<std::vector<IfName>> underlays;
  // VTEPs whose packets come by no router; none: nobody looks.
  std::optional<std::vector<IpAddress>> full_ttl;
  std::optional<GatewayFilter> gateway;
};

// The inet table of the host's own namespace: packets of our VNIs only from VTEPs of the cluster, by the
// interface that leads back to them, and with full TTL from those that are held to it; nobody but root sends
// as this host's tunnels do; with a gateway also the masquerade and its fences.
NftTable host_filter(const HostFilter& filter);

}  // namespace ovl
