#include "reconcile/objects/resized.hpp"

namespace ovl {

namespace {

IpPrefix subnet_of(const Address& address) {
  return IpPrefix::masked(address.address.address, address.address.length);
}

}  // namespace

ResizedSubnets::ResizedSubnets(const std::vector<Address>& now) {
  for (std::size_t i = 0; i < now.size(); ++i) {
    if (!now[i].address.address.is_ipv4()) continue;
    Device& device = devices_[now[i].dev];
    device.subnets.add(subnet_of(now[i]), i);
    device.by_address.emplace(now[i].address.address, &now[i]);
  }
}

bool ResizedSubnets::contain(const Address& before) const {
  const auto device = devices_.find(before.dev);
  if (device == devices_.end() || !before.address.address.is_ipv4()) return false;
  // The largest of those around it, and those within it.
  const PrefixIndex::Entry* around = device->second.subnets.holding(before.address.address);
  if (around != nullptr && around->prefix.length() < before.address.length) return true;
  const IpPrefix subnet = subnet_of(before);
  const auto& within = device->second.by_address;
  for (auto at = within.lower_bound(subnet.address()); at != within.end() && at->first <= subnet.last();
       ++at) {
    if (resizes_subnet(before, *at->second)) return true;
  }
  return false;
}

}  // namespace ovl
