// Identities: hashes that any planner computes alike, and the random ones of an apply.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/base/digest.hpp"
#include "model/base/result.hpp"
#include "model/base/values.hpp"

namespace ovl {

// The id of a thing: a hash of cluster, kind, name and the lowest counter whose id is not in `taken` (sorted)
// (a renamed thing keeps its id, so its old name may come back with another).
std::string derive_id(const Label& cluster, std::string_view kind, std::string_view name,
                      const std::vector<std::string>& taken);

// A locally administered unicast MAC from a hash of `seed`: 02:42: and 32 bits.
MacAddress hashed_mac(std::string_view seed);

// The MAC of a network's bridge, from its first gateway.
MacAddress bridge_mac(const IpAddress& gateway);

// 32 random hexadecimal digits: a lineage or an apply id.
std::string random_id();

}  // namespace ovl
