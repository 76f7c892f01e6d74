#include "cmd/formats/event_values.hpp"

#include <fmt/format.h>

#include "cmd/base/describe.hpp"
#include "cmd/base/exit.hpp"
#include "cmd/base/output_format.hpp"
#include "cmd/base/style.hpp"

namespace ovl {

namespace {

Value event_line(std::string_view type, std::string_view level, const std::string& message) {
  Value out = Value::object();
  out.set("type", type);
  out.set("@level", level);
  out.set("@message", printable(message));
  return out;
}

Value counts_of(const PlanCounts& counts, std::string_view operation) {
  Value out = counts_value(counts);
  out.set("operation", operation);
  return out;
}

std::string counts_text(const PlanCounts& counts) {
  return fmt::format("{} to create, {} to update, {} to replace, {} to remove", counts.create, counts.update,
                     counts.replace, counts.remove);
}

}  // namespace

Value version_event() {
  Value out = event_line("version", "info", "ovl " OVL_VERSION);
  out.set("ovl", OVL_VERSION);
  out.set("events", kEventsFormat);
  return out;
}

Value planned_change_event(const ChangeName& name, Action action, Reason reason) {
  Value resource = Value::object();
  resource.set("addr", name.address());
  resource.set("resource_type", name.type);
  resource.set("resource_name", name.name);
  if (!name.index.empty()) resource.set("resource_key", name.index);
  Value change = Value::object();
  change.set("resource", std::move(resource));
  change.set("action", name_of(action));
  change.set("reason", name_of(reason));
  Value out = event_line("planned_change", "info", fmt::format("{}: {}", name.address(), name_of(action)));
  out.set("change", std::move(change));
  return out;
}

Value change_summary_event(const PlanCounts& counts, std::string_view operation) {
  Value out = event_line("change_summary", "info", "Plan: " + counts_text(counts));
  out.set("changes", counts_of(counts, operation));
  return out;
}

Value step_event(std::string_view type, const StepProgress& step, std::int64_t elapsed_seconds) {
  Value about = Value::object();
  about.set("name", step.step);
  about.set("done", static_cast<std::int64_t>(step.done));
  about.set("total", static_cast<std::int64_t>(step.total));
  about.set("elapsed_seconds", elapsed_seconds);
  const std::string far = step.total > 0 ? fmt::format(" {}/{}", step.done, step.total) : std::string();
  Value out =
      event_line(type, type == "apply_errored" ? "error" : "info", fmt::format("{}{}", step.step, far));
  out.set("step", std::move(about));
  return out;
}

Value diagnostic_event(const Report& report, const Notice& notice) {
  const bool error = notice.severity == Severity::error;
  Value about = Value::object();
  about.set("severity", error ? "error" : "warning");
  about.set("id", notice.id);
  about.set("message", printable(notice.message));
  if (!notice.subject.empty()) about.set("subject", printable(notice.subject));
  if (!notice.hint.empty()) about.set("hint", printable(notice.hint));
  if (notice.place) {
    about.set("file", file_of(report, *notice.place));
    about.set("line", notice.place->line);
    about.set("column", notice.place->column);
  }
  Value out = event_line("diagnostic", error ? "error" : "warn", notice.text());
  out.set("diagnostic", std::move(about));
  return out;
}

Value error_event(const Error& error) {
  Value about = Value::object();
  about.set("severity", "error");
  about.set("id", name_of(error.code));
  about.set("message", printable(error.message));
  about.set("hint", printable(remedy_for(error)));
  about.set("exit_code", exit_code(error.code));
  Value out = event_line("diagnostic", "error", error.message);
  out.set("diagnostic", std::move(about));
  return out;
}

Value summary_event(const ApplySummary& summary) {
  Value about = Value::object();
  about.set("result", name_of(summary.result));
  about.set("changes", counts_of(summary.counts, summary.operation));
  about.set("generation", summary.generation);
  about.set("elapsed_seconds", summary.elapsed_seconds);
  about.set("exit_code", summary.exit_code);
  const bool failed = summary.result == ApplyResult::failed;
  const std::string plain = fmt::format("{} {}", summary.operation, name_of(summary.result));
  Value out = event_line("summary", failed ? "error" : "info", summary.words.empty() ? plain : summary.words);
  out.set("summary", std::move(about));
  return out;
}

}  // namespace ovl
