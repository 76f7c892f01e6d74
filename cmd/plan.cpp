// ovl plan: what would change, and nothing else.
#include <fmt/format.h>
#include <unistd.h>

#include <iostream>

#include "cmd/context.hpp"
#include "cmd/exit.hpp"
#include "cmd/plan_output.hpp"
#include "cmd/verbs.hpp"

namespace ovl {

namespace {

Result<int> plan(const GlobalOptions& global, const PlanOptions& options) {
  OVL_TRY(Context context,
          Context::open(global, options,
                        {.manifest = options.scope != "host" && !options.destroy, .source = true}));
  OVL_TRY(const Planned planned, make_plan(context.request(), context.world()));
  if (print_problems(planned, context.sources())) return kExitManifest;
  print_plan(planned.plan, global, options);
  OVL_CHECK(write_json(planned.plan, options));
  if (!options.out.empty()) OVL_CHECK(save_plan(context, planned, options));
  if (!planned.plan.refused.empty()) return kExitRefused;
  const bool differs = !planned.plan.empty() || !planned.plan.conflicts.empty();
  return options.detailed_exitcode && differs ? kExitChanges : kExitDone;
}

}  // namespace

int run_plan(const GlobalOptions& global, const PlanOptions& options) {
  auto code = plan(global, options);
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace ovl
