// Going back to what was, as a new generation.
#pragma once

#include <string>

#include "cmd/context.hpp"

namespace ovl {

// target: a generation's number, a revision, or empty for the generation before the newest one's commit.
int run_rollback(const GlobalOptions& global, const PlanOptions& options, const std::string& target);

// For what applies by itself: the context's commit was applied and then gone back from, so somebody did not
// want it. A newer one, or an apply by hand, goes on. Errors: guard, and those of the store.
Status check_rolled_back(Context& context);

}  // namespace ovl
