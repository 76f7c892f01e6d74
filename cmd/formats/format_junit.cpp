#include <fmt/format.h>

#include <algorithm>

#include "cmd/base/elements.hpp"
#include "cmd/base/style.hpp"
#include "cmd/base/tunnel_step.hpp"
#include "cmd/formats/formats.hpp"
#include "reconcile/manifest/diagnostic_text.hpp"
#include "reconcile/words/change_name.hpp"
#include "reconcile/words/utf8.hpp"

namespace ovl {

namespace {

constexpr std::size_t kMostInCase = 100;  // findings in one file's text

// Text as XML 1.0 may hold it (section 2.2), in an element or in an attribute.
std::string xml_text(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    const std::string_view bytes = text.substr(0, point.size);
    text.remove_prefix(point.size);
    switch (point.valid ? point.value : U'\0') {
      case U'&': out += "&amp;"; break;
      case U'<': out += "&lt;"; break;
      case U'>': out += "&gt;"; break;
      case U'"': out += "&quot;"; break;
      case U'\n': out += "&#10;"; break;
      case char32_t{0xFFFE}:
      case char32_t{0xFFFF}: out += "?"; break;
      default: out += safe_code_point(bytes, point);
    }
  }
  return out;
}

struct TestCase {
  std::string name;
  std::string kind = {};     // "failure", "error"; empty: it passed
  std::string type = {};     // the finding's id
  std::string message = {};  // in one line
  std::string text = {};     // the whole
};

std::string case_xml(const TestCase& one, const std::string& suite) {
  std::string out =
      fmt::format("    <testcase classname=\"{}\" name=\"{}\"", xml_text(suite), xml_text(one.name));
  if (one.kind.empty() && one.text.empty()) return out + "/>\n";
  if (one.kind.empty())
    return out + fmt::format("><system-out>{}</system-out></testcase>\n", xml_text(one.text));
  return out + fmt::format("><{} type=\"{}\" message=\"{}\">{}</{}></testcase>\n", one.kind,
                           xml_text(one.type), xml_text(one.message), xml_text(one.text), one.kind);
}

// Where it is, what it is, what to do.
std::string failure_text(const Report& report, const Notice& notice) {
  std::string out;
  if (notice.place && notice.place->line > 0) {
    out = fmt::format("{}:{}: ", file_of(report, *notice.place), notice.place->line);
  }
  out += notice.text();
  return notice.hint.empty() ? out : out + "\nhint: " + printable(notice.hint);
}

// What of a record changes, a line each.
std::string change_words(const RecordChange& change) {
  if (change.action != Action::update) return {};
  const std::string step = tunnel_step_text(change);
  std::string out = step;
  for (const FieldDelta& field : change.fields) {
    if (!step.empty() && is_of_tunnel_step(field)) continue;
    out += (out.empty() ? "" : "\n") + text_of(difference_of(field, false));
  }
  return out;
}

TestCase case_of(const Report& report, const Notice& notice) {
  const bool fails = notice.severity == Severity::error;
  const bool ends = notice.subject.empty() && !notice.place;
  return TestCase{.name = notice.subject.empty() ? notice.id : notice.id + " " + printable(notice.subject),
                  .kind = fails ? (ends ? "error" : "failure") : "",
                  .type = notice.id,
                  .message = notice.text(),
                  .text = failure_text(report, notice)};
}

std::vector<TestCase> cases_of_plan(const Report& report) {
  std::vector<TestCase> out;
  if (report.plan != nullptr) {
    out.push_back(TestCase{.name = report.verb, .text = last_words_of(report)});
    for (const RecordChange& change : report.plan->record_changes) {
      out.push_back(TestCase{.name = fmt::format("{} {}", name_of(change.action), name_of(change).address()),
                             .text = change_words(change)});
    }
  }
  for (const Notice& notice : notices_of(report)) out.push_back(case_of(report, notice));
  return out;
}

// One file's findings, or those of no file.
TestCase case_of_file(std::string name, const std::vector<const Diagnostic*>& found, DiagnosticText& text) {
  TestCase out{.name = std::move(name)};
  for (const Diagnostic* diagnostic : found) {
    if (diagnostic->severity == Severity::error) out.kind = "failure";
  }
  if (found.empty()) return out;
  out.type = found.front()->id.text();
  out.message = printable(found.front()->message);
  if (found.size() > 1) out.message += fmt::format(" (and {} more)", found.size() - 1);
  for (std::size_t i = 0; i < std::min(found.size(), kMostInCase); ++i) {
    out.text += text.of(*found[i]) + "\n\n";
  }
  return out;
}

std::vector<TestCase> cases_of_files(const Report& report) {
  const Sources& sources = report.manifest.sources;
  std::vector<std::vector<const Diagnostic*>> found(sources.size() + 1);
  for (const Diagnostic& diagnostic : report.manifest.diagnostics) {
    found[std::min<std::size_t>(diagnostic.place.file, sources.size())].push_back(&diagnostic);
  }
  DiagnosticText text(sources, false);
  std::vector<TestCase> out;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const std::string name = file_of(report, Place{.file = static_cast<std::uint32_t>(i)});
    out.push_back(case_of_file(name, found[i], text));
  }
  if (!found.back().empty()) out.push_back(case_of_file("manifest", found.back(), text));
  if (!report.error) return out;
  for (const Notice& notice : notices_of(report)) out.push_back(case_of(report, notice));
  return out;
}

std::string counts_xml(const std::vector<TestCase>& cases) {
  const auto number = [&](std::string_view kind) { return std::ranges::count(cases, kind, &TestCase::kind); };
  return fmt::format("tests=\"{}\" failures=\"{}\" errors=\"{}\"", cases.size(), number("failure"),
                     number("error"));
}

}  // namespace

std::string junit_of(const Report& report) {
  const std::vector<TestCase> cases =
      report.verb == "validate" ? cases_of_files(report) : cases_of_plan(report);
  const std::string suite = "ovl " + report.verb + (report.cluster.empty() ? "" : " " + report.cluster);
  std::string out = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {}>\n  <testsuite name=\"{}\" {}>\n",
      counts_xml(cases), xml_text(suite), counts_xml(cases));
  for (const TestCase& one : cases) out += case_xml(one, suite);
  return out + "  </testsuite>\n</testsuites>\n";
}

}  // namespace ovl
