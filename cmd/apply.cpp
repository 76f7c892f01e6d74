// ovl apply and ovl destroy: plan, ask, make it so.
#include <fmt/format.h>
#include <unistd.h>

#include <iostream>

#include "cmd/ask.hpp"
#include "cmd/context.hpp"
#include "cmd/exit.hpp"
#include "cmd/plan_output.hpp"
#include "cmd/rollback.hpp"
#include "cmd/verbs.hpp"

namespace ovl {

namespace {

std::string done_text(const Applied& applied, const PlanOptions& options) {
  const PlanCounts counts = count(applied.planned.plan);
  std::string out = fmt::format("{} complete: {} created, {} updated, {} replaced, {} removed.",
                                options.destroy ? "Destroy" : "Apply", counts.create, counts.update,
                                counts.replace, counts.remove);
  if (counts.adopt > 0) out += fmt::format(" {} taken over.", counts.adopt);
  if (applied.serial > 0) out += fmt::format(" Generation {}.", applied.serial);
  return out;
}

struct Approval {
  const GlobalOptions& global;
  const PlanOptions& options;
  const SavedPlan* saved;

  Status operator()(const Plan& plan) const {
    if (!options.json) print_plan(plan, global, options);
    OVL_CHECK(write_json(plan, options));
    return saved != nullptr || options.auto_approve ? Status() : ask_for_consent();
  }
};

Progress progress_for(const GlobalOptions& global) {
  Progress progress;
  if (global.verbose > 0 || isatty(STDERR_FILENO) == 1) {
    progress.step = [](std::string_view what, std::size_t operations) {
      std::cerr << fmt::format("ovl: {}: {} operations\n", what, operations);
    };
  }
  return progress;
}

Result<int> finish(const Applied& applied, const GlobalOptions& global, const PlanOptions& options) {
  if (options.json || applied.planned.plan.empty()) {
    print_plan(applied.planned.plan, global, options);
    OVL_CHECK(write_json(applied.planned.plan, options));
  } else {
    std::cout << done_text(applied, options) << "\n";
  }
  if (global.verbose > 0) std::cerr << fmt::format("ovl: {} writes to the kernel\n", applied.writes);
  return options.detailed_exitcode && !applied.planned.plan.empty() ? kExitChanges : kExitDone;
}

Error invalid_manifest() {
  return Error{.code = Errc::manifest, .message = "not all values could be chosen; nothing was done"};
}

Result<int> apply_verb(const GlobalOptions& global, const PlanOptions& given) {
  std::optional<SavedPlan> saved;
  PlanOptions options = given;
  if (is_saved_plan(given.path)) {
    OVL_TRY(saved, load_plan(given.path));
    options = saved->options;
    options.json = given.json;
    options.json_into = given.json_into;
    options.detailed_exitcode = given.detailed_exitcode;
    options.lock_timeout = given.lock_timeout;
    options.timeout = given.timeout;
    options.policy = given.policy;
  }
  // What is ours here is known without the store.
  const bool alone = options.scope == "host" && options.destroy;
  const Context::Needs needs{.manifest = options.scope != "host" && !options.destroy,
                             .keystore = !alone,
                             .source = true,
                             .policy = true,
                             .writable = true};
  OVL_TRY(Context context, Context::open(global, options, needs, saved ? &saved->manifest : nullptr));
  if (options.by_itself) OVL_CHECK(check_rolled_back(context));
  const auto lock = context.lock_host();
  if (!lock.ok()) return lock.error();
  Request request = context.request();
  request.check = [&](const Planned& planned) -> Status {
    if (print_problems(planned, context.sources())) return invalid_manifest();
    return saved ? check_fresh(*saved, planned) : Status();
  };
  const Approval approval{global, options, saved ? &*saved : nullptr};
  OVL_TRY(const Applied applied, apply(request, context.world(), approval, progress_for(global)));
  return finish(applied, global, options);
}

}  // namespace

int run_apply(const GlobalOptions& global, const PlanOptions& options) {
  auto code = apply_verb(global, options);
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace ovl
