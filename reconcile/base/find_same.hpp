// An object's counterpart in another namespace's objects, or in another wish for the same one.
#pragma once

#include <algorithm>
#include <type_traits>

#include "model/plan/objects.hpp"

namespace ovl {

// The object with this key; nullptr: there is none. Precondition: sorted by key, as all objects are.
template <class K>
const K* find_same(const NamespaceObjects& space, const K& object) {
  const K* found = nullptr;
  for_each_kind([&](auto member) {
    if constexpr (std::is_same_v<typename std::decay_t<decltype(space.*member)>::value_type, K>) {
      const auto at = std::ranges::lower_bound(space.*member, object, key_less<K>);
      if (at != (space.*member).end() && at->key() == object.key()) found = &*at;
    }
  });
  return found;
}

inline const Netns* find_same(const NamespaceObjects& space, const Netns&) {
  return space.netns ? &*space.netns : nullptr;
}

}  // namespace ovl
