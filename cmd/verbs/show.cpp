// ovl show PLAN: what a saved plan says, rendered anew from what was checked. Touches neither store nor
// kernel.
#include <iostream>

#include "cmd/base/exit.hpp"
#include "cmd/session/context.hpp"
#include "cmd/session/plan_output.hpp"
#include "cmd/verbs/verbs.hpp"

namespace ovl {

int run_show(const GlobalOptions& global, const PlanOptions& options) {
  const auto saved = load_plan(options.path);
  if (!saved.ok()) return report_error(saved.error());
  // Not the text that was saved with it: somebody may have edited that to show something harmless. What is
  // rendered is the decoded plan, which an apply compares with what it would do.
  print_plan(saved.value().shown.plan, global, options);
  return kExitDone;
}

}  // namespace ovl
