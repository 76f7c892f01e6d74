// Kind address: an IP address on a device.
#pragma once

#include <array>

#include "model/base/fields.hpp"

namespace ovl {

// Which of the routes that the kernel makes with an address are there (fib_add_ifaddr(), inet6_addr_add()):
// the one to its subnet, in the main table, with its broadcast, and the one by which it is the namespace's
// own, in the local table; for IPv6 with the one to all groups, without which no neighbour finds it. Whoever
// is root there can delete them, and the address stays.
enum class AddressRoutes : std::uint8_t { complete, no_subnet, no_own, none };

template <>
struct EnumNames<AddressRoutes> {
  static constexpr std::array<std::string_view, 4> names{"complete", "none to its subnet", "none to itself",
                                                         "none"};
};

struct Address {
  // Identity: find_matching_ifa() for IPv4 (local, prefix), ipv6_get_ifaddr() for IPv6 (address).
  IfName dev;
  IpInterface address;
  // IPv6 duplicate address detection is off (IFA_F_NODAD): addresses are unique by claim.
  bool nodad = false;
  AddressRoutes routes = AddressRoutes::complete;

  static constexpr std::string_view kind = "address";

  static constexpr auto fields() {
    return std::tuple{ovl::key("dev", &Address::dev), ovl::key("address", &Address::address),
                      ovl::computed("nodad", &Address::nodad), ovl::setting("routes", &Address::routes)};
  }

  [[nodiscard]] auto key() const { return std::tie(dev, address); }

  bool operator==(const Address&) const = default;
};

[[nodiscard]] constexpr bool lacks_subnet(AddressRoutes routes) {
  return routes == AddressRoutes::no_subnet || routes == AddressRoutes::none;
}

[[nodiscard]] constexpr bool lacks_own(AddressRoutes routes) {
  return routes == AddressRoutes::no_own || routes == AddressRoutes::none;
}

// Whether `after` takes over the subnet of `before`, larger or smaller: an IPv4 device can then have both,
// each primary (inet_insert_ifa() makes only those of one length secondary), and what it sends finds a route
// at any moment.
[[nodiscard]] inline bool resizes_subnet(const Address& before, const Address& after) {
  const IpInterface& old = before.address;
  const IpInterface& now = after.address;
  if (before.dev != after.dev || !old.address.is_ipv4() || !now.address.is_ipv4()) return false;
  if (old.length == now.length) return false;
  const IpInterface& wide = old.length < now.length ? old : now;
  const IpPrefix subnet = IpPrefix::masked(wide.address, wide.length);
  return subnet.contains(old.address) && subnet.contains(now.address);
}

}  // namespace ovl
