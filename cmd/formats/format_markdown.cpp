#include <fmt/format.h>

#include <algorithm>

#include "cmd/base/describe.hpp"
#include "cmd/base/elements.hpp"
#include "cmd/base/fold.hpp"
#include "cmd/base/style.hpp"
#include "cmd/base/tunnel_step.hpp"
#include "cmd/formats/formats.hpp"
#include "reconcile/manifest/diagnostic_text.hpp"
#include "reconcile/words/change_name.hpp"

namespace ovl {

namespace {

// Room for the service's own words below GitHub's 65,536 characters; a byte is at most one character.
constexpr std::size_t kMostCommentBytes = 65'000;
// Of them for what comes before the changes, so that these are never all left out.
constexpr std::size_t kMostFindings = 24'000;
constexpr std::size_t kLongestLine = 2'000;

using Lines = std::vector<std::string>;

// The backticks in a row that no text has: such a fence, or code span, can't be ended from inside
// (CommonMark 0.31, 4.5 and 6.1). In code nothing else is markup: no HTML, no @name, no #1, no link.
std::string fence_for(const Lines& lines, std::size_t least) {
  std::size_t longest = 0;
  for (const std::string& line : lines) {
    std::size_t run = 0;
    for (const char c : line) {
      run = c == '`' ? run + 1 : 0;
      longest = std::max(longest, run);
    }
  }
  return std::string(std::max(longest + 1, least), '`');
}

std::string code_span(const std::string& text) {
  const std::string fence = fence_for({text}, 1);
  if (fence.size() == 1) return fence + text + fence;
  return fmt::format("{} {} {}", fence, text, fence);
}

// Cut at the border of a code point.
std::string cut_line(std::string line) {
  if (line.size() <= kLongestLine) return line;
  std::size_t end = kLongestLine;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xc0) == 0x80) --end;
  return line.substr(0, end) + "...";
}

// As many lines as fit into `room` bytes; what is left out is counted in the last one.
std::string code_block(Lines lines, std::string_view language, std::size_t room) {
  std::ranges::transform(lines, lines.begin(), cut_line);
  const std::string fence = fence_for(lines, 3);
  std::string out = fmt::format("{}{}\n", fence, language);
  const std::size_t end = 2 * fence.size() + 60;  // the last lines
  std::size_t shown = 0;
  while (shown < lines.size() && out.size() + lines[shown].size() + 1 + end <= room) {
    out += lines[shown++] + "\n";
  }
  if (shown < lines.size()) out += fmt::format("... {} more lines are left out\n", lines.size() - shown);
  return out + fence + "\n";
}

Lines lines_of(const std::string& text) {
  Lines out;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    out.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

// ---- what is wrong -------------------------------------------------------------------------------

void append(Lines& out, const Lines& more) {
  out.insert(out.end(), more.begin(), more.end());
}

Lines lines_of_findings(const std::vector<Finding>& findings) {
  Lines out;
  for (const Finding& finding : findings) {
    out.push_back(fmt::format("{}: {} [{}]", printable(finding.subject), printable(finding.message),
                              finding.id.text()));
    if (!finding.hint.empty()) out.push_back("  hint: " + printable(finding.hint));
  }
  return out;
}

Lines lines_of_manifest(const ManifestFindings& manifest) {
  DiagnosticText text(manifest.sources, false);
  Lines out;
  for (const Diagnostic& diagnostic : manifest.diagnostics) append(out, lines_of(text.of(diagnostic)));
  return out;
}

Lines lines_of_error(const Error& error) {
  Lines out{fmt::format("{} [{}]", printable(error.message), name_of(error.code))};
  const std::string remedy = remedy_for(error);
  if (!remedy.empty()) out.push_back("  hint: " + printable(remedy));
  return out;
}

struct CommentSection {
  std::string_view title;
  Lines lines;
};

std::vector<CommentSection> comment_sections(const Report& report) {
  std::vector<CommentSection> out;
  if (report.error) out.push_back({"Error", lines_of_error(*report.error)});
  out.push_back({"The manifest", lines_of_manifest(report.manifest)});
  if (report.plan == nullptr) return out;
  out.push_back({"Refused", lines_of_findings(report.plan->refused)});
  out.push_back({"Conflicts, to be solved first", lines_of_findings(report.plan->conflicts)});
  out.push_back({"Warnings", lines_of_findings(report.plan->warnings)});
  Lines interruptions;
  for (const Interruption& one : report.plan->interruptions) interruptions.push_back(text_of(one));
  out.push_back({"Interruptions", std::move(interruptions)});
  Lines waiting;
  for (const std::string& line : report.plan->waiting) waiting.push_back(printable(line));
  out.push_back({"Waiting", std::move(waiting)});
  return out;
}

// ---- the changes ---------------------------------------------------------------------------------

// What colours a line of a diff: + and - at its start, ! for what changes in place.
std::string_view diff_symbol(Action action) {
  switch (action) {
    case Action::create: return "+  ";
    case Action::update: return "!  ";
    case Action::replace: return "-/+";
    case Action::remove: return "-  ";
    case Action::adopt: return "=  ";
    case Action::forget: return ".  ";
  }
  return "   ";
}

constexpr std::string_view kBelow = "        ";  // before what a change says of itself

// Lines of a file stand at the left, so that they are coloured as a diff's.
void append_difference(Lines& out, const Difference& one) {
  if (!one.is_lines()) return out.push_back(std::string(kBelow) + text_of(one));
  for (const std::string& line : lines_of(one)) {
    out.push_back(line.substr(0, 1) + std::string(kBelow.substr(1)) + line.substr(2));
  }
}

void append_record(Lines& out, const RecordChange& change, bool every) {
  out.push_back(fmt::format("{} {}  ({})", diff_symbol(change.action), name_of(change).address(),
                            words_for(change.reason)));
  if (change.action != Action::update) return;
  const std::string step = tunnel_step_text(change);
  if (!step.empty()) out.push_back(std::string(kBelow) + step);
  for (const FieldDelta& field : change.fields) {
    if (step.empty() || !is_of_tunnel_step(field)) append_difference(out, difference_of(field, every));
  }
}

void append_object(Lines& out, const Plan& plan, const ObjectChange& change, bool every) {
  out.push_back(fmt::format("{} {}  ({}{})", diff_symbol(change.action), name_of(plan, change).address(),
                            words_for(change.reason), change.drift ? "; drift" : ""));
  if (change.action != Action::update && change.action != Action::replace) return;
  for (const Difference& one : differences_of(change, every)) append_difference(out, one);
}

std::string rest_line(Action action, std::size_t count, std::string_view what) {
  return fmt::format("{} {} ... and {} more ({})", diff_symbol(action), what, count, kFoldHint);
}

void append_records(Lines& out, const Plan& plan, bool every) {
  Fold<std::pair<RecordKind, Action>> fold(every);
  for (const RecordChange& change : plan.record_changes) fold.expect({change.kind, change.action});
  for (const RecordChange& change : plan.record_changes) {
    if (fold.shows({change.kind, change.action})) append_record(out, change, every);
  }
  fold.for_each_rest([&](const auto& key, std::size_t count) {
    out.push_back(rest_line(key.second, count, name_of(key.first)));
  });
}

void append_objects(Lines& out, const Plan& plan, const std::vector<ObjectChange>& changes, bool every) {
  Fold<std::pair<std::string_view, Action>> fold(every);
  for (const ObjectChange& change : changes) fold.expect({kind_of(change), change.action});
  for (const ObjectChange& change : changes) {
    if (fold.shows({kind_of(change), change.action})) append_object(out, plan, change, every);
  }
  fold.for_each_rest(
      [&](const auto& key, std::size_t count) { out.push_back(rest_line(key.second, count, key.first)); });
}

Lines lines_of_changes(const Plan& plan, bool every) {
  Lines out;
  append_records(out, plan, every);
  append_objects(out, plan, plan.object_changes, every);
  append_objects(out, plan, plan.drift, every);
  return out;
}

std::string comment_title(const Report& report) {
  const std::string name = report.cluster.empty() ? "" : " " + code_span(report.cluster);
  const std::string host = report.plan != nullptr && !report.plan->host.empty()
                               ? fmt::format(" on {}", code_span(report.plan->host.text()))
                               : std::string();
  return fmt::format("### ovl {}{}{}\n\n", report.verb, name, host);
}

std::string comment_verdict(const Report& report) {
  if (report.plan != nullptr) return "**" + last_words_of(report) + "**\n";
  const auto count = std::ranges::count(report.manifest.diagnostics, Severity::error, &Diagnostic::severity);
  if (report.error || count > 0) {
    if (count == 0) return "**It failed.**\n";
    return fmt::format("**The manifest is invalid: {} error{}.**\n", count, count == 1 ? "" : "s");
  }
  return "**The manifest is valid.**\n";
}

std::string changes_block(const Plan& plan, bool every, std::size_t room) {
  constexpr std::string_view kBegin = "\n<details><summary>Changes</summary>\n\n";
  constexpr std::string_view kEnd = "\n</details>\n";
  const Lines lines = lines_of_changes(plan, every);
  if (lines.empty()) return {};
  return std::string(kBegin) + code_block(lines, "diff", room - kBegin.size() - kEnd.size()) +
         std::string(kEnd);
}

}  // namespace

std::string markdown_of(const Report& report) {
  std::string out =
      fmt::format("<!-- ovl {}{} -->\n", report.verb, report.cluster.empty() ? "" : " " + report.cluster);
  out += comment_title(report) + comment_verdict(report);
  if (report.plan != nullptr && !report.plan->origin.commit.empty()) {
    out += fmt::format("\nCommit {}\n", code_span(cut_line(printable(report.plan->origin.commit))));
  }
  if (report.plan != nullptr && !report.plan->environment.empty()) {
    out += fmt::format("\nOptions from the environment: {}\n", code_span(environment_text(*report.plan)));
  }
  for (const CommentSection& section : comment_sections(report)) {
    if (section.lines.empty()) continue;
    const std::size_t left = kMostFindings > out.size() ? kMostFindings - out.size() : 0;
    const std::size_t room = std::max<std::size_t>(left, 1'000);
    out += fmt::format("\n{}\n{}", section.title, code_block(section.lines, "text", room));
  }
  if (report.plan != nullptr)
    out += changes_block(*report.plan, report.show_all, kMostCommentBytes - out.size());
  return out;
}

}  // namespace ovl
