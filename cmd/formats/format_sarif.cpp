// Static Analysis Results Interchange Format 2.1.0, OASIS Standard; the sections are its.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cmd/base/exit.hpp"
#include "cmd/base/style.hpp"
#include "cmd/formats/formats.hpp"
#include "model/base/value.hpp"

namespace ovl {

namespace {

constexpr std::size_t kMostResults = 5'000;  // that GitHub takes of one run

Value sarif_text(std::string_view text) {
  Value out = Value::object();
  out.set("text", text);
  return out;
}

// A relative reference (RFC 3986, section 4.2): what is no unreserved character or slash is percent-encoded.
std::string uri_of(std::string_view path) {
  std::string out;
  for (const char c : path) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~/").find(c) != std::string_view::npos;
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

// 3.4: relative names are resolved against the checkout's root, which the reader knows.
Value sarif_artifact(const std::string& file) {
  Value out = Value::object();
  out.set("uri", uri_of(file));
  if (!file.starts_with('/')) out.set("uriBaseId", "%SRCROOT%");
  return out;
}

// GitHub takes no result without a place: what has none stands at the top of the manifest's first file.
Value sarif_location(const Report& report, const Notice& notice) {
  Value region = Value::object();
  std::string file = report.folder + "ovl.toml";
  if (notice.place) {
    file = file_of(report, *notice.place);
  } else if (!report.manifest.sources.empty()) {
    file = file_of(report, Place{});
  }
  region.set("startLine", notice.place ? std::max(notice.place->line, 1U) : 1U);
  if (notice.place && notice.place->line > 0) {
    const Columns columns = columns_of(report, *notice.place);
    region.set("startColumn", columns.begin);
    region.set("endColumn", columns.end);
  }
  Value physical = Value::object();
  physical.set("artifactLocation", sarif_artifact(file));
  physical.set("region", std::move(region));
  Value out = Value::object();
  out.set("physicalLocation", std::move(physical));
  return out;
}

// What the catalogue says of an id: of a finding, or of a family of errors.
Value sarif_rule(const std::string& id) {
  Value out = Value::object();
  out.set("id", id);
  if (const CatalogueEntry* entry = find_entry(id)) {
    out.set("shortDescription", sarif_text(entry->cause));
    out.set("help", sarif_text(entry->remedy));
  } else if (const auto family = decode<Errc>(Value(id)); family.ok()) {
    out.set("shortDescription", sarif_text(family_of(family.value()).cause));
    out.set("help", sarif_text(family_of(family.value()).remedy));
  }
  return out;
}

Value sarif_result(const Report& report, const Notice& notice, std::int64_t rule) {
  std::string text = notice.text();
  if (!notice.hint.empty()) text += "\nhint: " + printable(notice.hint);
  Value locations = Value::array();
  locations.push(sarif_location(report, notice));
  Value out = Value::object();
  out.set("ruleId", notice.id);
  out.set("ruleIndex", rule);
  out.set("level", notice.severity == Severity::error ? "error" : "warning");
  out.set("message", sarif_text(text));
  out.set("locations", std::move(locations));
  return out;
}

// 3.20: whether the run came to its end, and what was left out of it.
Value sarif_invocation(const Report& report, std::size_t left_out) {
  Value out = Value::object();
  out.set("executionSuccessful", !report.error);
  if (report.error) out.set("exitCode", exit_code(report.error->code));
  if (left_out == 0) return out;
  Value notification = Value::object();
  notification.set("level", "warning");
  notification.set("message", sarif_text(fmt::format("{} more results are left out", left_out)));
  Value notifications = Value::array();
  notifications.push(std::move(notification));
  out.set("toolExecutionNotifications", std::move(notifications));
  return out;
}

Value sarif_tool(const std::map<std::string, std::int64_t>& rules) {
  Value listed = Value::array();
  for (const auto& [id, index] : rules) listed.push(sarif_rule(id));
  Value driver = Value::object();
  driver.set("name", "ovl");
  driver.set("version", OVL_VERSION);
  driver.set("rules", std::move(listed));
  Value tool = Value::object();
  tool.set("driver", std::move(driver));
  return tool;
}

// Each id and its place in the sorted list.
std::map<std::string, std::int64_t> sarif_rules(const std::vector<Notice>& notices) {
  std::map<std::string, std::int64_t> out;
  for (const Notice& notice : notices) out.emplace(notice.id, 0);
  std::int64_t next = 0;
  for (auto& [id, index] : out) index = next++;
  return out;
}

Value array_with(Value item) {
  Value out = Value::array();
  out.push(std::move(item));
  return out;
}

}  // namespace

std::string sarif_of(const Report& report) {
  const std::vector<Notice> notices = notices_of(report);
  const auto rules = sarif_rules(notices);
  const std::size_t shown = std::min(notices.size(), kMostResults);
  Value results = Value::array();
  for (std::size_t i = 0; i < shown; ++i) {
    results.push(sarif_result(report, notices[i], rules.at(notices[i].id)));
  }
  Value run = Value::object();
  run.set("tool", sarif_tool(rules));
  run.set("columnKind", "unicodeCodePoints");
  run.set("invocations", array_with(sarif_invocation(report, notices.size() - shown)));
  run.set("results", std::move(results));
  Value out = Value::object();
  out.set("version", "2.1.0");
  out.set("$schema", "https://json.schemastore.org/sarif-2.1.0.json");
  out.set("runs", array_with(std::move(run)));
  return out.pretty_json() + "\n";
}

}  // namespace ovl
