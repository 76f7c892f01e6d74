// Stage "predict": which traffic a plan interrupts, and for how long. Pure. What is not named goes on
// without losing a packet; a test measures both.
#pragma once

#include <vector>

#include "model/plan/plan.hpp"

namespace ovl {

// desired: the records that the plan makes true.
std::vector<Interruption> predict(const Plan& plan, const Records& desired);

}  // namespace ovl
