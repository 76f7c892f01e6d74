#include "reconcile/host/recover.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "reconcile/host/execute_objects.hpp"
#include "reconcile/objects/operations.hpp"

namespace ovl {

std::string SettledStep::text() const {
  switch (outcome) {
    case StepOutcome::done: return "done";
    case StepOutcome::not_done: return "not done";
    case StepOutcome::partial: break;
  }
  return fmt::format("partial: {} of {} are done", entry.operations - left, entry.operations);
}

bool is_of_destroy(const JournalEntry& entry) {
  return entry.what.starts_with(kDestroyPrefix);
}

SettledStep settle(const JournalEntry& entry, const Plan& towards) {
  std::string_view step = entry.what;
  if (is_of_destroy(entry)) step.remove_prefix(kDestroyPrefix.size());
  SettledStep out{.entry = entry};
  for (const OperationGroup& group : operations_of(towards)) {
    if (group.step == step) out.left += group.operations.size();
  }
  out.left = std::min(out.left, entry.operations);
  if (out.left == entry.operations) out.outcome = StepOutcome::not_done;
  if (out.left > 0 && out.left < entry.operations) out.outcome = StepOutcome::partial;
  return out;
}

Status end_settled(State& state, const SettledStep& step) {
  const Error found{.code = Errc::interrupted, .message = "cut short; found " + step.text()};
  return state.end(step.entry.id, &found);
}

}  // namespace ovl
