// What a manifest leaves open, and is kept as it was chosen or given earlier, under what it has come to
// declare since. A namespace that has two such prefixes reaches only one of them.
#pragma once

#include <set>

#include "model/manifest/manifest.hpp"
#include "model/records/records.hpp"

namespace ovl {

// Hosts whose kept gateway pool overlaps a network of an endpoint that has both. `networks`: as resolved;
// `current`: the records that have the pools.
std::set<HostName> hosts_with_crowded_pools(const Manifest& manifest,
                                            const std::vector<NetworkRecord>& networks,
                                            const Records& current);

// Kept subnets that overlap another network's, or a declared gateway pool, in one endpoint; the first of each
// endpoint. They are not chosen anew: that would give all of a network's endpoints other addresses.
Diagnostics crowded_subnets(const Manifest& manifest, const std::vector<NetworkRecord>& networks);

}  // namespace ovl
