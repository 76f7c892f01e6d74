// No record is longer than what a reader of the store takes: whoever writes one is told first.
#pragma once

#include "model/plan/plan.hpp"
#include "reconcile/manifest/check_manifest.hpp"

namespace ovl {

// Of the labels of all endpoints, in bytes, which stand in the record of each network that one is in: a
// quarter of what is read of a cluster.
inline constexpr std::size_t kMostLabelBytes = std::size_t{512} << 20;

// Blocks whose record would be too long, with their place, and labels that would be repeated too often. Upper
// bounds: what ovl chooses is counted at its longest.
void check_record_sizes(const ManifestIndex& index, Reporter& report);

// Leaves out of a host's facts what does not fit into a record: the narrowest routes first, as wide ones take
// most from allocation. What is left out of IPv4 still counts on the host itself (HostFacts::held). True:
// something was left out.
bool fit_facts(HostFacts& facts);

// What a plan then says.
Finding facts_cut(const HostName& host);

// A message, at a length that fits into a report.
std::string fit_message(std::string text);

}  // namespace ovl
