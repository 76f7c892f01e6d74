#include "cmd/formats/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "cmd/base/style.hpp"
#include "reconcile/records/places.hpp"
#include "reconcile/run/closing.hpp"
#include "reconcile/toml/toml_guard.hpp"
#include "reconcile/words/utf8.hpp"

namespace ovl {

namespace {

void add_diagnostics(const Report& report, std::vector<Notice>& out) {
  for (const Diagnostic& diagnostic : report.manifest.diagnostics) {
    Notice notice{.severity = diagnostic.severity,
                  .id = diagnostic.id.text(),
                  .subject = {},
                  .message = diagnostic.message,
                  .hint = diagnostic.hint,
                  .place = {}};
    const bool placed = diagnostic.place.file < report.manifest.sources.size();
    if (placed) notice.place = diagnostic.place;
    out.push_back(std::move(notice));
  }
}

void add_findings(const Report& report, const std::vector<Finding>& findings, Severity severity,
                  std::vector<Notice>& out) {
  for (const Finding& finding : findings) {
    out.push_back(Notice{.severity = severity,
                         .id = finding.id.text(),
                         .subject = finding.subject,
                         .message = finding.message,
                         .hint = finding.hint,
                         .place = place_of(report.manifest.manifest, report.plan->host, finding.subject)});
  }
}

// Whether the error that ended the verb says only what findings say better.
bool is_told(const Report& report) {
  const Errc code = report.error->code;
  if (code == Errc::manifest && !report.manifest.diagnostics.empty()) return true;
  if (report.plan == nullptr) return false;
  const auto is_same = [&](const Finding& finding) { return finding.code == code; };
  return std::ranges::any_of(report.plan->refused, is_same) ||
         std::ranges::any_of(report.plan->conflicts, is_same);
}

std::string_view line_at(std::string_view text, std::uint32_t line) {
  for (; line > 1; --line) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

// Code points in the first `bytes` of a line.
std::uint32_t code_points(std::string_view line, std::size_t bytes) {
  std::uint32_t count = 0;
  for (std::size_t at = 0; at < std::min(bytes, line.size()); ++count) {
    at += first_code_point(line.substr(at)).size;
  }
  return count;
}

}  // namespace

std::string Notice::text() const {
  return subject.empty() ? printable(message) : fmt::format("{}: {}", printable(subject), printable(message));
}

std::string last_words_of(const Report& report) {
  return printable(report.last_words.empty() ? closing(closing_facts(*report.plan)).words
                                             : report.last_words);
}

std::vector<Notice> notices_of(const Report& report) {
  std::vector<Notice> out;
  add_diagnostics(report, out);
  if (report.plan != nullptr) {
    add_findings(report, report.plan->refused, Severity::error, out);
    add_findings(report, report.plan->conflicts, Severity::error, out);
    add_findings(report, report.plan->warnings, Severity::warning, out);
  }
  if (report.error && !is_told(report)) {
    out.push_back(Notice{.id = std::string(name_of(report.error->code)),
                         .subject = {},
                         .message = report.error->message,
                         .hint = remedy_for(*report.error),
                         .place = {}});
  }
  std::ranges::stable_sort(out, {}, &Notice::severity);
  return out;
}

std::string file_of(const Report& report, const Place& place) {
  std::string name = safe_text(report.manifest.sources[place.file].name);
  if (!report.checkout.empty() && name.starts_with(report.checkout))
    return name.substr(report.checkout.size());
  if (name.starts_with('/')) return name;
  return std::filesystem::path(report.folder + name).lexically_normal().string();
}

Columns columns_of(const Report& report, const Place& place) {
  const std::string_view text = without_mark(report.manifest.sources[place.file].text);
  if (text.size() > kMaxFileBytes) return {};  // refused for its size: not walked through
  const std::string_view line = line_at(text, place.line);
  const std::size_t begin = place.column > 0 ? place.column - 1 : 0;
  Columns out{.begin = code_points(line, begin) + 1, .end = 0};
  out.end = std::max(code_points(line, begin + place.length) + 1, out.begin + 1);
  return out;
}

}  // namespace ovl
