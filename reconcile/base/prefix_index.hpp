// Many prefixes by address: which of them holds an address, which of them another one overlaps. Two prefixes
// are disjoint or one is within the other, so a look at one neighbour is enough.
#pragma once

#include <cstddef>
#include <map>

#include "model/base/values.hpp"

namespace ovl {

class PrefixIndex {
 public:
  struct Entry {
    IpPrefix prefix;
    std::size_t index = 0;  // as it was added
  };

  // Of those that overlap each other the largest is kept, of equal ones the first.
  void add(const IpPrefix& prefix, std::size_t index);

  // One that overlaps it; nullptr: none does. Valid until the next add().
  [[nodiscard]] const Entry* overlapping(const IpPrefix& prefix) const;
  // The one that it is within; nullptr: none.
  [[nodiscard]] const Entry* holding(const IpPrefix& prefix) const;
  [[nodiscard]] const Entry* holding(const IpAddress& address) const;

  [[nodiscard]] bool empty() const { return by_first_.empty(); }

 private:
  std::map<IpAddress, Entry> by_first_;  // by first address; no two overlap
};

// Of anything that has prefixes: prefix_of(item) for each.
template <class Items, class PrefixOf>
PrefixIndex index_prefixes(const Items& items, const PrefixOf& prefix_of) {
  PrefixIndex index;
  std::size_t number = 0;
  for (const auto& item : items) index.add(prefix_of(item), number++);
  return index;
}

}  // namespace ovl
