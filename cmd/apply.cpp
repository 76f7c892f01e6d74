// ovl apply and ovl destroy: plan, ask, make it so.
#include <fmt/format.h>
#include <unistd.h>

#include <iostream>

#include "cmd/ask.hpp"
#include "cmd/context.hpp"
#include "cmd/exit.hpp"
#include "cmd/plan_output.hpp"
#include "cmd/rollback.hpp"
#include "cmd/tell.hpp"
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

// What an apply has told so far, in the format that was asked for.
class Telling {
 public:
  Telling(const GlobalOptions& global, const PlanOptions& options) : global_(global), options_(options) {}

  ManifestFindings manifest;

  [[nodiscard]] bool is_text() const { return format_of(options_) == Format::text; }

  void plan(const Plan& plan) {
    told_ = true;
    if (is_text()) return print_plan(plan, global_, options_);
    std::cout << told(report_of(verb(), options_, manifest, plan), format_of(options_));
  }

  // People are told on stderr.
  void error(const Error& error) {
    if (told_ || is_text()) return;
    Report report = report_of(verb(), options_, manifest);
    report.error = error;
    std::cout << told(report, format_of(options_));
  }

 private:
  [[nodiscard]] const char* verb() const { return options_.destroy ? "destroy" : "apply"; }

  const GlobalOptions& global_;
  const PlanOptions& options_;
  bool told_ = false;
};

// Shows the plan and asks. A format that holds one document is printed at the end, or here when the apply
// goes no further.
struct Approval {
  const PlanOptions& options;
  Telling& telling;
  bool is_approved;  // by a saved plan or on the command line

  Status operator()(const Plan& plan) const {
    const bool ends_here = !plan.refused.empty() || !plan.conflicts.empty();
    if (telling.is_text() || ends_here) telling.plan(plan);
    OVL_CHECK(write_json(plan, options));
    if (is_approved || ends_here) return {};
    if (telling.is_text()) return ask_for_consent();
    return Error{.code = Errc::usage,
                 .message = "nobody is asked in a format for programs; nothing was done",
                 .hint = "apply a saved plan, or say --auto-approve"};
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

Result<int> finish(const Applied& applied, const GlobalOptions& global, const PlanOptions& options,
                   Telling& telling) {
  if (!telling.is_text() || applied.planned.plan.empty()) {
    telling.plan(applied.planned.plan);
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

// A saved plan is asked for again as it was; how it is told is asked for now.
void keep_telling(const PlanOptions& given, PlanOptions& options) {
  options.json = given.json;
  options.format = given.format;
  options.json_into = given.json_into;
  options.detailed_exitcode = given.detailed_exitcode;
  options.lock_timeout = given.lock_timeout;
  options.timeout = given.timeout;
  options.policy = given.policy;
}

Result<int> apply_verb(const GlobalOptions& global, const PlanOptions& options, const SavedPlan* saved,
                       Telling& telling) {
  // What is ours here is known without the store.
  const bool alone = options.scope == "host" && options.destroy;
  const Context::Needs needs{.manifest = options.scope != "host" && !options.destroy,
                             .keystore = !alone,
                             .source = true,
                             .policy = true,
                             .writable = true,
                             .findings = telling.is_text() ? nullptr : &telling.manifest};
  OVL_TRY(Context context,
          Context::open(global, options, needs, saved != nullptr ? &saved->manifest : nullptr));
  if (options.by_itself) OVL_CHECK(check_rolled_back(context));
  const auto lock = context.lock_host();
  if (!lock.ok()) return lock.error();
  Request request = context.request();
  request.check = [&](const Planned& planned) -> Status {
    if (print_problems(planned, context.sources())) {
      telling.manifest.diagnostics = planned.problems;
      return invalid_manifest();
    }
    return saved != nullptr ? check_fresh(*saved, planned) : Status();
  };
  const Approval approval{options, telling, saved != nullptr || options.auto_approve};
  OVL_TRY(const Applied applied, apply(request, context.world(), approval, progress_for(global)));
  return finish(applied, global, options, telling);
}

}  // namespace

int run_apply(const GlobalOptions& global, const PlanOptions& given) {
  std::optional<SavedPlan> saved;
  PlanOptions options = given;
  if (is_saved_plan(given.path)) {
    auto loaded = load_plan(given.path);
    if (!loaded.ok()) {
      Telling(global, options).error(loaded.error());
      return report_error(loaded.error());
    }
    saved = std::move(loaded).value();
    options = saved->options;
    keep_telling(given, options);
  }
  Telling telling(global, options);
  auto code = apply_verb(global, options, saved ? &*saved : nullptr, telling);
  if (code.ok()) return code.value();
  telling.error(code.error());
  return report_error(code.error());
}

}  // namespace ovl
