// ovl show PLAN: a saved plan, as it was printed or as JSON. Touches neither store nor kernel.
#include <iostream>

#include "cmd/context.hpp"
#include "cmd/exit.hpp"
#include "cmd/plan_output.hpp"
#include "cmd/verbs.hpp"

namespace ovl {

int run_show(const GlobalOptions&, const PlanOptions& options) {
  const auto saved = load_plan(options.path);
  if (!saved.ok()) return report_error(saved.error());
  std::cout << (options.json ? saved.value().plan.pretty_json() + "\n" : saved.value().text);
  return kExitDone;
}

}  // namespace ovl
