// Which addresses give their subnet to another one on the same device: larger or smaller, both are there for
// a moment. However many there are, without a look at each pair.
#pragma once

#include <map>
#include <vector>

#include "model/kinds/address.hpp"
#include "reconcile/base/prefix_index.hpp"

namespace ovl {

class ResizedSubnets {
 public:
  // now: the addresses that are wanted. They outlive this.
  explicit ResizedSubnets(const std::vector<Address>& now);

  // Whether one of them takes over the subnet of `before`: resizes_subnet(before, any of them).
  [[nodiscard]] bool contain(const Address& before) const;

 private:
  struct Device {
    PrefixIndex subnets;
    std::multimap<IpAddress, const Address*> by_address;
  };

  std::map<IfName, Device> devices_;
};

}  // namespace ovl
