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

struct Look {
  Context context;
  Planned planned;
  bool whole = true;  // false: this host could not be looked at
};

Result<Look> look(const GlobalOptions& global, const PlanOptions& options) {
  OVL_TRY(Context context,
          Context::open(
              global, options,
              {.manifest = options.scope != "host" && !options.destroy, .source = true, .policy = true}));
  OVL_TRY(Planned planned, make_plan(context.request(), context.world()));
  return Look{.context = std::move(context), .planned = std::move(planned)};
}

// Without privileges the cluster is planned all the same, and what is not known is said.
Result<Look> look_as_far_as_allowed(const GlobalOptions& global, const PlanOptions& options) {
  auto all = look(global, options);
  if (all.ok() || all.error().code != Errc::privilege || options.scope != "all") return all;
  PlanOptions cluster = options;
  cluster.scope = "cluster";
  OVL_TRY(Look part, look(global, cluster));
  part.whole = false;
  part.planned.plan.warnings.push_back(
      Finding{.code = Errc::privilege,
              .id = "host-not-known",
              .subject = "this host",
              .message = fmt::format("not known: needs root ({})", all.error().message),
              .hint = "plan as root to see what changes on it; --scope cluster leaves it out"});
  return part;
}

int code_of(const Look& look, const PlanOptions& options) {
  const Plan& plan = look.planned.plan;
  if (!plan.refused.empty()) return kExitRefused;
  if (!options.detailed_exitcode) return kExitDone;
  if (!plan.empty() || !plan.conflicts.empty()) return kExitChanges;
  return look.whole ? kExitDone : kExitPrivilege;
}

Result<int> plan(const GlobalOptions& global, const PlanOptions& options) {
  OVL_TRY(const Look seen, look_as_far_as_allowed(global, options));
  const Planned& planned = seen.planned;
  if (print_problems(planned, seen.context.sources())) return kExitManifest;
  if (!options.out.empty() && !seen.whole) {
    return Error{.code = Errc::privilege,
                 .message = "a plan of which this host's part is not known is not saved",
                 .hint = "plan as root, or with --scope cluster"};
  }
  print_plan(planned.plan, global, options);
  OVL_CHECK(write_json(planned.plan, options));
  if (!options.out.empty()) OVL_CHECK(save_plan(seen.context, planned, options));
  return code_of(seen, options);
}

}  // namespace

int run_plan(const GlobalOptions& global, const PlanOptions& options) {
  auto code = plan(global, options);
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace ovl
