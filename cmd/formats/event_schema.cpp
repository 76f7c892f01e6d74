#include "cmd/formats/event_schema.hpp"

#include "cmd/base/output_format.hpp"
#include "cmd/formats/event_values.hpp"
#include "cmd/formats/schema_words.hpp"
#include "model/plan/plan.hpp"

namespace ovl {

namespace {

using namespace schema_words;

Member member(const char* name, const char* type, bool required = true) {
  return {.name = name, .schema = json_type(type), .required = required};
}

// What every line has; the time is RFC 3339 in UTC.
Value line_schema(std::string_view type, std::vector<Member> own) {
  Value time = json_type("string");
  time.set("pattern", R"(^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$)");
  std::vector<Member> members{
      {.name = "@level", .schema = words(std::array<std::string_view, 3>{"info", "warn", "error"})},
      {.name = "@timestamp", .schema = std::move(time)},
      {.name = "type", .schema = constant(type)}};
  members.push_back(member("@message", "string"));
  for (Member& one : own) members.push_back(std::move(one));
  return object_of(std::move(members));
}

Value change_of_events() {
  Value resource = object_of({member("addr", "string"), member("resource_type", "string"),
                              member("resource_name", "string"), member("resource_key", "string", false)});
  return object_of({{.name = "resource", .schema = std::move(resource)},
                    {.name = "action", .schema = words(EnumNames<Action>::names)},
                    {.name = "reason", .schema = words(EnumNames<Reason>::names)}});
}

Value counts_of_events() {
  std::vector<Member> members{
      {.name = "operation", .schema = words(std::array<std::string_view, 2>{"apply", "destroy"})}};
  for (const std::string_view name : EnumNames<Action>::names) {
    members.push_back({.name = std::string(name), .schema = json_type("integer")});
  }
  return object_of(std::move(members));
}

Value step_of_events() {
  return object_of({member("name", "string"), member("done", "integer"), member("total", "integer"),
                    member("elapsed_seconds", "integer")});
}

Value diagnostic_of_events() {
  return object_of(
      {{.name = "severity", .schema = words(std::array<std::string_view, 2>{"error", "warning"})},
       member("id", "string"),
       member("message", "string"),
       member("subject", "string", false),
       member("hint", "string", false),
       member("file", "string", false),
       member("line", "integer", false),
       member("column", "integer", false),
       member("exit_code", "integer", false)});
}

Value summary_of_events() {
  return object_of({{.name = "result", .schema = words(EnumNames<ApplyResult>::names)},
                    {.name = "changes", .schema = counts_of_events()},
                    member("generation", "integer"),
                    member("elapsed_seconds", "integer"),
                    member("exit_code", "integer")});
}

}  // namespace

std::string event_schema() {
  const auto with = [](std::string_view type, const char* name, Value schema) {
    return line_schema(type, {{.name = name, .schema = std::move(schema)}});
  };
  Value::Array lines;
  lines.push_back(line_schema(
      "version", {member("ovl", "string"), {.name = "events", .schema = constant(kEventsFormat)}}));
  lines.push_back(with("planned_change", "change", change_of_events()));
  lines.push_back(with("change_summary", "changes", counts_of_events()));
  for (const char* type : {"apply_start", "apply_progress", "apply_complete", "apply_errored"}) {
    lines.push_back(with(type, "step", step_of_events()));
  }
  lines.push_back(with("diagnostic", "diagnostic", diagnostic_of_events()));
  lines.push_back(with("summary", "summary", summary_of_events()));
  Value out = one_of("oneOf", std::move(lines));
  out.set("$schema", "http://json-schema.org/draft-07/schema#");
  out.set("title", "One line of ovl apply --events");
  return out.pretty_json() + "\n";
}

}  // namespace ovl
