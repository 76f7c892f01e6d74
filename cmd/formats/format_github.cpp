// https://docs.github.com/actions/reference/workflow-commands-for-github-actions
#include <fmt/format.h>

#include <algorithm>

#include "cmd/base/style.hpp"
#include "cmd/formats/formats.hpp"

namespace ovl {

namespace {

constexpr std::size_t kMostCommands = 10;  // of each type, per step

// What the runner undoes in a command's text (escapeData and escapeProperty of its toolkit).
std::string percent_escaped(std::string_view text, std::string_view special) {
  std::string out;
  for (const char c : text) {
    if (special.find(c) == std::string_view::npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string command_data(std::string_view text) {
  return percent_escaped(text, "%\r\n");
}

std::string command_property(std::string_view text) {
  return percent_escaped(text, "%\r\n:,");
}

std::string place_properties(const Report& report, const Notice& notice) {
  if (!notice.place) return {};
  std::string out = "file=" + command_property(file_of(report, *notice.place)) + ",";
  if (notice.place->line == 0) return out;
  const Columns columns = columns_of(report, *notice.place);
  return out + fmt::format("line={},col={},endColumn={},", notice.place->line, columns.begin, columns.end);
}

std::string workflow_command(const Report& report, std::string_view type, const Notice& notice) {
  std::string text = notice.text();
  if (!notice.hint.empty()) text += "\nhint: " + printable(notice.hint);
  return fmt::format("::{} {}title={}::{}\n", type, place_properties(report, notice),
                     command_property(notice.id), command_data(text));
}

std::string workflow_commands(const Report& report, const std::vector<Notice>& notices, Severity severity) {
  const std::string_view type = severity == Severity::error ? "error" : "warning";
  const auto all = static_cast<std::size_t>(std::ranges::count(notices, severity, &Notice::severity));
  std::size_t left = all > kMostCommands ? kMostCommands - 1 : all;
  std::string out;
  for (const Notice& notice : notices) {
    if (notice.severity == severity && left-- == 0) break;
    if (notice.severity == severity) out += workflow_command(report, type, notice);
  }
  if (all > kMostCommands) {
    out += fmt::format("::{} title=ovl {}::{} more are not shown here\n", type, report.verb,
                       all - (kMostCommands - 1));
  }
  return out;
}

}  // namespace

std::string github_of(const Report& report) {
  const std::vector<Notice> notices = notices_of(report);
  std::string out = workflow_commands(report, notices, Severity::error) +
                    workflow_commands(report, notices, Severity::warning);
  if (report.plan == nullptr) return out;
  return out + fmt::format("::notice title=ovl {}::{}\n", report.verb, command_data(last_words_of(report)));
}

}  // namespace ovl
