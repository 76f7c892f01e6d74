#include "reconcile/base/fitness.hpp"

namespace ovl {

std::string_view unfit_for_subnet(const IpPrefix& subnet) {
  const auto overlaps = [&](std::string_view other) {
    const auto prefix = IpPrefix::parse_exact(other);
    return prefix.ok() && prefix.value().overlaps(subnet);
  };
  if (subnet.length() == 0) return "holds every address";
  if (subnet.length() == subnet.address().bits()) return "has no room for a gateway and an endpoint";
  if (overlaps("127.0.0.0/8") || overlaps("::1/128")) return "holds loopback addresses";
  if (overlaps("224.0.0.0/4") || overlaps("ff00::/8")) return "holds multicast addresses";
  if (overlaps("0.0.0.0/8") || overlaps("240.0.0.0/4")) return "holds addresses that no host may have";
  return overlaps("169.254.0.0/16") || overlaps("fe80::/10") ? "holds link-local addresses" : "";
}

std::string_view unfit_for_vtep(const IpAddress& address) {
  if (address.is_loopback()) return "is a loopback address, which no other host reaches";
  if (address.is_multicast()) return "is a multicast address, which belongs to no host";
  if (address.is_unspecified()) return "is no host's address";
  if (address == IpAddress::from_bytes(Family::ipv4, "\xff\xff\xff\xff")) return "is the broadcast address";
  return address.is_link_local() && !address.is_ipv4() ? "is link-local, which needs an interface beside it"
                                                       : "";
}

std::string_view unfit_for_pool(const IpPrefix& pool) {
  if (!pool.address().is_ipv4()) return "is no IPv4 subnet, and there is no IPv6 way out";
  return pool.length() > 30 ? "has no room for a gateway and an endpoint" : unfit_for_subnet(pool);
}

}  // namespace ovl
