// Stage "execute", host scope: the plan's operations, group by group, each journalled before it is
// made and after it is done.
#pragma once

#include <string>
#include <string_view>

#include "drivers/kernel/kernel.hpp"
#include "model/plan/plan.hpp"
#include "reconcile/base/progress.hpp"
#include "reconcile/objects/freeze.hpp"
#include "state/state.hpp"

namespace ovl {

// In the journal, in front of the steps of an apply that removes everything.
inline constexpr std::string_view kDestroyPrefix = "destroy: ";

// Stops at the first failure that `freezer` does not take, without one at any; the next apply goes on from
// what it then observes.
Status execute_objects(const Plan& plan, Kernel& kernel, State& state, const std::string& apply_id,
                       const Progress& progress = {}, Freezer* freezer = nullptr);

// After a verified apply: the namespaces that hold something of ours, and the generation.
Status record_generation(State& state, const Plan& plan, std::int64_t serial, const std::string& apply_id,
                         std::int64_t now, const std::string& who);

}  // namespace ovl
