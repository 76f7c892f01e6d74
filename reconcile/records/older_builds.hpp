// Records that say what a host's older build does not know: it would refuse them, and stop following what
// they are part of.
#pragma once

#include <vector>

#include "model/plan/plan.hpp"
#include "model/records/records.hpp"

namespace ovl {

// The record changes that bring such a word while a host that reads the record runs an older build, as its
// facts say: one of the network's, or, for a host's record, any. A host that has said nothing yet holds up
// nobody, nor does one of `lost`, sorted. Code guard.
std::vector<Finding> words_for_older_builds(const Plan& plan, const Records& desired, const Facts& facts,
                                            const std::vector<HostName>& lost = {});

}  // namespace ovl
