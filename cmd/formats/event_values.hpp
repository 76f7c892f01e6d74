// What --events tells, as values: everything of a line but its time. Pure.
#pragma once

#include <string>

#include "cmd/formats/report.hpp"
#include "model/base/value.hpp"
#include "reconcile/base/progress.hpp"
#include "reconcile/words/change_name.hpp"

namespace ovl {

// How an apply ended.
enum class ApplyResult : std::uint8_t { applied, unchanged, failed };

template <>
struct EnumNames<ApplyResult> {
  static constexpr std::array<std::string_view, 3> names{"applied", "unchanged", "failed"};
};

Value version_event();
Value planned_change_event(const ChangeName& name, Action action, Reason reason);
// operation: "apply" or "destroy".
Value change_summary_event(const PlanCounts& counts, std::string_view operation);
// type: "apply_start", "apply_progress", "apply_complete", "apply_errored".
Value step_event(std::string_view type, const StepProgress& step, std::int64_t elapsed_seconds);
Value diagnostic_event(const Report& report, const Notice& notice);
// The error that ended the apply, with its exit code.
Value error_event(const Error& error);

struct ApplySummary {
  ApplyResult result = ApplyResult::failed;
  PlanCounts counts;
  std::string_view operation;
  std::int64_t generation = 0;  // of the cluster's head afterwards; 0: not known
  std::int64_t elapsed_seconds = 0;
  int exit_code = 0;
  std::string words = {};  // how it ended; empty: nothing but the result is known
};

Value summary_event(const ApplySummary& summary);

}  // namespace ovl
