// What a plan would do and may not. Found when the plan is complete, so that it can be read with them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/policy.hpp"

namespace ovl {

// Without a limit the half of a cluster's records may go, or all of them when that is what was asked for
// (Plan::destroy). `current`: the records that are there now.
// Code guard: a protected record that would go or be replaced; more removals than the limit.
std::vector<Finding> refusals_of(const Plan& plan, const Records& current,
                                 const std::optional<DestroyLimit>& limit);

}  // namespace ovl
