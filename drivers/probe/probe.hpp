// Questions to the underlay: does a peer answer, at which size, does its VXLAN port. Each call is
// bounded by its timeout and sends at most a few packets.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "model/base/values.hpp"

namespace ovl {

enum class ProbeAnswer : std::uint8_t {
  answered,
  silent,       // nothing came back: down, or a filter on the way
  refused,      // the port is closed (ICMP port unreachable)
  too_big,      // a packet of this size needs fragments somewhere on the way
  unreachable,  // no route, or a router says so
};

// An ICMP echo of `size` bytes including IP and ICMP headers, never fragmented (IP_PMTUDISC_PROBE).
// Needs CAP_NET_RAW. Errors: privilege, io.
Result<ProbeAnswer> ping(const IpAddress& target, std::size_t size, std::chrono::milliseconds timeout);

// An empty datagram to a UDP port. `silent` is what an open VXLAN port does: it drops what has no
// header (vxlan_rcv()). Errors: io.
Result<ProbeAnswer> knock(const IpAddress& target, UdpPort port, std::chrono::milliseconds timeout);

// Whether another program's socket holds a UDP port here. Errors: io.
Result<bool> is_port_taken(UdpPort port);

}  // namespace ovl
