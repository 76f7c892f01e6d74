// Stage "plan", last part: the changes as kernel operations, in the order in which they are made.
#pragma once

#include <string_view>
#include <vector>

#include "model/plan/plan.hpp"

namespace ovl {

// One step of an apply: operations that may travel together.
struct OperationGroup {
  std::string_view step;  // "create links": for the journal and for progress; each step has its own
  std::vector<Operation> operations;
};

// Removals run children first, creations parents first; filters stand before the links they guard;
// forwarding entries are added before others are removed. The operations point into the plan.
std::vector<OperationGroup> operations_of(const Plan& plan);

}  // namespace ovl
