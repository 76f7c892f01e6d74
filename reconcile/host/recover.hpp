// What an apply whose process died has left open in the journal, settled by looking: each step that was
// begun is compared with what is still to be done to get where it went.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/plan/plan.hpp"
#include "state/state.hpp"

namespace ovl {

enum class StepOutcome : std::uint8_t { done, partial, not_done };

template <>
struct EnumNames<StepOutcome> {
  static constexpr std::array<std::string_view, 3> names{"done", "partial", "not-done"};
};

struct SettledStep {
  JournalEntry entry;
  StepOutcome outcome = StepOutcome::done;
  std::size_t left = 0;  // operations

  [[nodiscard]] std::string text() const;  // "partial: 5 of 12 are done"
};

// Whether a step belongs to the removal of everything.
bool is_of_destroy(const JournalEntry& entry);

// towards: the plan that makes what the step's apply wanted.
SettledStep settle(const JournalEntry& entry, const Plan& towards);

// Ends the entry in the journal; what was found is its failure.
Status end_settled(State& state, const SettledStep& step);

}  // namespace ovl
