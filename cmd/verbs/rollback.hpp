// Going back to what was, as a new generation.
#pragma once

#include <string>

#include "cmd/session/context.hpp"

namespace ovl {

// target: a generation's number, a revision, or empty for the generation before the newest one's commit or
// records. Without git, or without the commit, it is the records that a generation keeps that are applied.
int run_rollback(const GlobalOptions& global, const PlanOptions& options, const std::string& target);

// Makes of a request one for the records of the generation `serial`, which it answers: request.records is to
// point to them. Errors: as records_of_generation(), and those of the store.
Result<Records> go_back_to(std::int64_t serial, Context& context, Request& request);

// For what applies by itself: the context's commit was applied and then gone back from, so somebody did not
// want it. A newer one, or an apply by hand, goes on. Errors: guard, and those of the store.
Status check_rolled_back(Context& context);

}  // namespace ovl
