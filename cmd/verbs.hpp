// The verbs, one function each in a file of its name. Each answers the process's exit code.
#pragma once

#include "cmd/options.hpp"

namespace ovl {

int run_plan(const GlobalOptions& global, const PlanOptions& options);
int run_apply(const GlobalOptions& global, const PlanOptions& options);
int run_show(const GlobalOptions& global, const PlanOptions& options);
int run_exec(const GlobalOptions& global, const PlanOptions& options, const ExecOptions& exec);
int run_ls(const GlobalOptions& global, const PlanOptions& options, const LsOptions& ls);
int run_inspect(const GlobalOptions& global, const PlanOptions& options, const LsOptions& inspect);
int run_status(const GlobalOptions& global, const PlanOptions& options);

}  // namespace ovl
