// Letting go: our marks come off what stands for some records or objects. It stays in place as it is, and
// no apply changes or removes it from then on.
#pragma once

#include <vector>

#include "drivers/kernel/kernel.hpp"
#include "model/plan/plan.hpp"
#include "reconcile/objects/recorded.hpp"

namespace ovl {

// What carries our marks on this host and is asked for, each as Action::forget. What several endpoints
// share stays ours until all of them are let go. Errors: not_found (nothing recorded is called so), kernel.
Result<Plan> plan_letting_go(const Recorded& recorded, const std::vector<ChangeName>& asked, Kernel& kernel,
                             const State& state);

// Makes it so and keeps it in the state. Errors: as execute_objects().
Status let_go(const Plan& plan, const Recorded& recorded, const std::vector<ChangeName>& asked,
              Kernel& kernel, State& state);

}  // namespace ovl
