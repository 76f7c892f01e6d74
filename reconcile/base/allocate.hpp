// Choosing what the manifest leaves open: subnets, pools and addresses. Pure and deterministic: the
// lowest free one, in an order that does not depend on the input's.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "model/records/records.hpp"

namespace ovl {

// What a chosen prefix must not overlap.
class TakenSpace {
 public:
  void add(const IpPrefix& prefix);

  void add(const IpAddress& address) { add(IpPrefix::masked(address, address.bits())); }

  // Everything that a host knows: routes, addresses, nameservers, VTEP.
  void add(const HostFacts& facts);

  [[nodiscard]] bool overlaps(const IpPrefix& prefix) const;

 private:
  std::map<IpAddress, IpAddress> ranges_;  // first address to last; no two touch the same address
};

// The first free /24 of 10.0.0.0/8 from `from` on, as Docker cuts it; nullopt when there is none.
std::optional<IpPrefix> choose_subnet(const TakenSpace& taken, const std::optional<IpPrefix>& from = {});

// The first free gateway pool: 172.18.0.0/16 to 172.31.0.0/16, then 192.168.0.0/16 in /20s; in
// neither of the two.
std::optional<IpPrefix> choose_gateway_pool(const TakenSpace& taken, const TakenSpace& own = {});

// The address that a subnet's gateway has when none is given: the first one that can be used.
IpAddress default_gateway(const IpPrefix& subnet);

// False for the subnet's own address and, in IPv4 up to /30, its broadcast address.
bool is_usable(const IpPrefix& subnet, const IpAddress& address);

// The addresses of one network in use or kept free; gives the lowest free one of a prefix.
class AddressPool {
 public:
  // False when the address was taken already.
  bool take(const IpAddress& address) { return taken_.insert(address).second; }

  [[nodiscard]] bool is_free(const IpAddress& address) const { return !taken_.contains(address); }

  // Takes the lowest free usable address of `subnet` within `range`. nullopt: none is left.
  std::optional<IpAddress> take_lowest(const IpPrefix& subnet, const IpPrefix& range);

 private:
  std::set<IpAddress> taken_;
  std::map<IpPrefix, IpAddress> next_;  // where the search in a range goes on
};

}  // namespace ovl
