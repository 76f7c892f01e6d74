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

}  // namespace ovl
