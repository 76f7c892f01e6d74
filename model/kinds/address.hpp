// Kind address: an IP address on a device.
#pragma once

#include "model/fields.hpp"

namespace ovl {

struct Address {
  // Identity: find_matching_ifa() for IPv4 (local, prefix), ipv6_get_ifaddr() for IPv6 (address).
  IfName dev;
  IpInterface address;
  // IPv6 duplicate address detection is off (IFA_F_NODAD): addresses are unique by claim.
  bool nodad = false;

  static constexpr std::string_view kind = "address";

  static constexpr auto fields() {
    return std::tuple{ovl::key("dev", &Address::dev), ovl::key("address", &Address::address),
                      ovl::computed("nodad", &Address::nodad)};
  }

  [[nodiscard]] auto key() const { return std::tie(dev, address); }

  bool operator==(const Address&) const = default;
};

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
