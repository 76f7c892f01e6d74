#include "reconcile/base/prefix_index.hpp"

#include <iterator>

namespace ovl {

void PrefixIndex::add(const IpPrefix& prefix, std::size_t index) {
  if (holding(prefix) != nullptr) return;
  auto behind = by_first_.upper_bound(prefix.last());
  while (behind != by_first_.begin() && prefix.contains(std::prev(behind)->second.prefix)) {
    behind = by_first_.erase(std::prev(behind));
  }
  by_first_.emplace_hint(behind, prefix.address(), Entry{prefix, index});
}

const PrefixIndex::Entry* PrefixIndex::overlapping(const IpPrefix& prefix) const {
  const auto behind = by_first_.upper_bound(prefix.last());
  if (behind == by_first_.begin()) return nullptr;
  const Entry& nearest = std::prev(behind)->second;
  return nearest.prefix.overlaps(prefix) ? &nearest : nullptr;
}

const PrefixIndex::Entry* PrefixIndex::holding(const IpPrefix& prefix) const {
  const Entry* found = overlapping(prefix);
  return found != nullptr && found->prefix.contains(prefix) ? found : nullptr;
}

const PrefixIndex::Entry* PrefixIndex::holding(const IpAddress& address) const {
  return holding(IpPrefix::masked(address, address.bits()));
}

}  // namespace ovl
