#include "cmd/base/exit.hpp"
#include "cmd/base/output_format.hpp"
#include "cmd/base/style.hpp"
#include "cmd/formats/formats.hpp"
#include "cmd/formats/render_plan.hpp"
#include "reconcile/manifest/diagnostic_text.hpp"

namespace ovl {

namespace {

Value error_value(const Error& error) {
  Value out = Value::object();
  out.set("id", name_of(error.code));
  out.set("message", printable(error.message));
  out.set("hint", printable(remedy_for(error)));
  out.set("exit_code", exit_code(error.code));
  return out;
}

Value failure_value(const Report& report) {
  Value diagnostics = Value::array();
  for (const Diagnostic& diagnostic : report.manifest.diagnostics) {
    diagnostics.push(diagnostic_value(diagnostic, report.manifest.sources));
  }
  Value out = Value::object();
  out.set("format_version", kOutputFormat);
  out.set("errored", true);
  out.set("diagnostics", std::move(diagnostics));
  if (report.error) out.set("error", error_value(*report.error));
  return out;
}

}  // namespace

std::string json_of(const Report& report) {
  const bool whole = report.plan != nullptr && !report.error;
  return (whole ? plan_json(*report.plan, report.last_words) : failure_value(report)).pretty_json() + "\n";
}

}  // namespace ovl
