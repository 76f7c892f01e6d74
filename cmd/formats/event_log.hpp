// --events: what an apply does, told to another program line by line while it happens.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "cmd/base/line_pipe.hpp"
#include "cmd/formats/event_values.hpp"

namespace ovl {

// Its first line is the version, its last the summary. With an empty target it tells nothing.
class EventLog {
 public:
  // When the target is stdout, stdout becomes stderr for everything else. operation: "apply" or "destroy".
  // Errors: io.
  static Result<EventLog> open(const std::string& target, std::string operation);

  // Every change, every finding and the counts; only once.
  void plan(const Report& report);

  void step(const StepProgress& now);

  // The error, after the step that it ended, with the manifest's errors that it stands for.
  void failed(const Report& report, const Error& error);

  // words: how it ended, for people; empty: it failed.
  void summary(ApplyResult result, std::int64_t generation, int exit_code, const std::string& words);

  // Whether stdout is the events'.
  [[nodiscard]] bool took_stdout() const { return took_stdout_; }

  // Why something was not told; empty: all was.
  [[nodiscard]] std::string broken() const { return pipe_ ? pipe_->broken() : std::string(); }

 private:
  using Clock = std::chrono::steady_clock;

  void tell(Value event);
  [[nodiscard]] std::int64_t seconds_since(Clock::time_point begin) const;

  std::optional<LinePipe> pipe_;
  std::string operation_;
  bool took_stdout_ = false;
  bool planned_ = false;
  PlanCounts counts_;
  std::optional<StepProgress> open_;  // the step that has begun and not ended
  Clock::time_point began_ = Clock::now();
  Clock::time_point step_began_;
};

}  // namespace ovl
