// How many hosts stand where, and what the cluster has: the head of ovl status.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/base/value.hpp"
#include "reconcile/cluster/standing.hpp"

namespace ovl {

// What Standing::Kind is called in JSON, in its order.
std::vector<std::string_view> standing_words();

// {"hosts": {"current": 2, "behind": 0, ...}, "networks": 3, "endpoints": 5}; an endpoint of several networks
// counts once.
Value counts_json(const StoreView& view);

// What the store says of the head's generation; none: it keeps nothing of it.
const GenerationRecord* newest_generation(const StoreView& view);

// "Cluster demo: generation 3, 2026-01-31 23:59:59 UTC (5m ago), by root@n1, commit 0123456789ab" and, on a
// line of its own, "2 hosts: 1 up to date, 1 behind; 3 networks; 1 endpoint". When and by whom is left out
// where the store does not say. now: seconds since the epoch. Precondition: the view has a head.
std::string header_text(const std::string& cluster, const StoreView& view, std::int64_t now);

}  // namespace ovl
