#include "cmd/formats/event_log.hpp"

#include <fmt/chrono.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ovl {

namespace {

// RFC 3339 in UTC, with milliseconds.
std::string timestamp() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(elapsed / 1000), elapsed % 1000);
}

std::string_view type_of(StepProgress::Phase phase) {
  switch (phase) {
    case StepProgress::Phase::start: return "apply_start";
    case StepProgress::Phase::progress: return "apply_progress";
    case StepProgress::Phase::complete: return "apply_complete";
    case StepProgress::Phase::fail: return "apply_errored";
  }
  return "";
}

}  // namespace

Result<EventLog> EventLog::open(const std::string& target, std::string operation) {
  EventLog log;
  log.operation_ = std::move(operation);
  if (target.empty()) return log;
  OVL_TRY(log.pipe_, LinePipe::open(target));
  log.took_stdout_ = log.pipe_->is_stdout();
  if (log.took_stdout_ && ::dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
    return Error{.code = Errc::io, .message = std::string("stdout: ") + std::strerror(errno)};
  }
  log.tell(version_event());
  return log;
}

void EventLog::plan(const Report& report) {
  if (!pipe_ || planned_) return;
  planned_ = true;
  const Plan& plan = *report.plan;
  counts_ = count(plan);
  for (const RecordChange& change : plan.record_changes) {
    tell(planned_change_event(name_of(change), change.action, change.reason));
  }
  for (const ObjectChange& change : plan.object_changes) {
    tell(planned_change_event(name_of(plan, change), change.action, change.reason));
  }
  for (const Notice& notice : notices_of(report)) tell(diagnostic_event(report, notice));
  tell(change_summary_event(counts_, operation_));
}

void EventLog::step(const StepProgress& now) {
  if (now.phase == StepProgress::Phase::start) step_began_ = Clock::now();
  open_ = now;
  tell(step_event(type_of(now.phase), now, seconds_since(step_began_)));
  if (now.phase == StepProgress::Phase::complete || now.phase == StepProgress::Phase::fail) open_.reset();
}

void EventLog::failed(const Report& report, const Error& error) {
  if (open_) tell(step_event("apply_errored", *open_, seconds_since(step_began_)));
  if (!planned_) {
    for (const Notice& notice : notices_of(report)) tell(diagnostic_event(report, notice));
  }
  tell(error_event(error));
}

void EventLog::summary(ApplyResult result, std::int64_t generation, int exit_code, const std::string& words) {
  tell(summary_event({.result = result,
                      .counts = counts_,
                      .operation = operation_,
                      .generation = generation,
                      .elapsed_seconds = seconds_since(began_),
                      .exit_code = exit_code,
                      .words = words}));
}

void EventLog::tell(Value event) {
  if (!pipe_) return;
  event.set("@timestamp", timestamp());
  pipe_->write(event.json());
}

std::int64_t EventLog::seconds_since(Clock::time_point begin) const {
  return std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - begin).count();
}

}  // namespace ovl
