// ovl show PLAN: what a saved plan says, rendered anew from what was checked. Touches neither store nor
// kernel.
#include <iostream>

#include "cmd/context.hpp"
#include "cmd/exit.hpp"
#include "cmd/plan_output.hpp"
#include "cmd/verbs.hpp"

namespace ovl {

int run_show(const GlobalOptions& global, const PlanOptions& options) {
  const auto saved = load_plan(options.path);
  if (!saved.ok()) return report_error(saved.error());
  print_plan(saved.value().shown.plan, global, options);
  return kExitDone;
}

}  // namespace ovl
