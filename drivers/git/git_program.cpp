#include "drivers/git/git_program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

namespace ovl {

namespace {

// Over what the repository's own configuration says. There are no pagers and no attributes outside of it.
constexpr std::array<const char*, 8> kSettings{"core.fsmonitor=false",          "core.hooksPath=/dev/null",
                                               "core.attributesFile=/dev/null", "core.sshCommand=/bin/false",
                                               "core.alternateRefsCommand=",    "core.untrackedCache=false",
                                               "protocol.allow=never",          "maintenance.auto=false"};

// GIT_ALLOW_PROTOCOL overrides each protocol.NAME.allow of the repository. git before 2.39.4 does not know
// GIT_NO_LAZY_FETCH: there the fetch is begun, and has no protocol.
constexpr std::array<const char*, 9> kVariables{
    "HOME=/nonexistent",     "GIT_CONFIG_NOSYSTEM=1",    "GIT_CONFIG_GLOBAL=/dev/null",
    "GIT_NO_LAZY_FETCH=1",   "GIT_ALLOW_PROTOCOL=none",  "GIT_OPTIONAL_LOCKS=0",
    "GIT_TERMINAL_PROMPT=0", "GIT_GRAFT_FILE=/dev/null", "GIT_NO_REPLACE_OBJECTS=1"};

std::string_view without_lead(std::string_view line) {
  for (const std::string_view lead : {"fatal: ", "error: ", "hint: "}) {
    if (line.starts_with(lead)) line.remove_prefix(lead.size());
  }
  return line;
}

std::string_view trimmed(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return line;
}

// Where git names none itself.
std::string_view remedy_of(std::string_view said) {
  if (said.find("extension") != said.npos || said.find("repo version") != said.npos) {
    return "a newer git may know it, and has to be installed here";
  }
  if (said.find("/worktrees/") != said.npos)
    return "where the main work tree was moved: git worktree repair, there";
  if (said.find("index") != said.npos) return "git says what to do about it: git status, there";
  return {};
}

}  // namespace

Result<ProcessOutput> ask_git(const GitQuestion& question) {
  ProcessCommand command{.arguments = {kGitProgram, "--no-pager", "--literal-pathspecs"},
                         .environment = git_environment({}),
                         .directory = question.work_tree.empty() ? "/" : question.work_tree,
                         .input = question.input,
                         .most_output = question.most_output};
  for (const char* setting : kSettings) command.arguments.insert(command.arguments.end(), {"-c", setting});
  command.arguments.push_back("--git-dir=" + question.directory);
  if (!question.work_tree.empty()) command.arguments.push_back("--work-tree=" + question.work_tree);
  std::ranges::copy(question.words, std::back_inserter(command.arguments));
  std::ranges::copy(kVariables, std::back_inserter(command.environment));
  std::ranges::copy(question.environment, std::back_inserter(command.environment));
  auto ran = run_process(command);
  if (ran.ok() || ran.error().code != Errc::not_found) return ran;
  return Error{.code = Errc::not_found,
               .message = "only git itself can read this repository, and it is not installed",
               .hint = "install git"};
}

Error git_failed(const std::string& doing, const std::string& said, Errc code) {
  std::string_view rest = said;
  std::string first;
  std::string hint;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (first.empty()) {
      first = without_lead(line);
    } else if (first.ends_with(':')) {
      first += fmt::format(" {}", trimmed(line));
    } else if (!without_lead(line).empty()) {
      hint += fmt::format("{}{}", hint.empty() ? "" : " ", without_lead(line));
    }
  }
  if (hint.empty()) hint = remedy_of(first);
  constexpr std::size_t most = 500;
  return Error{.code = code,
               .message = fmt::format("git: {}: {}", doing, first.empty() ? "it failed" : first),
               .hint = hint.substr(0, most)};
}

std::vector<std::string> git_environment(std::span<const char* const> passed) {
  std::vector<std::string> out{"PATH=/usr/bin:/bin", "LC_ALL=C"};
  for (const char* name : passed) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
    if (value != nullptr) out.push_back(fmt::format("{}={}", name, value));
  }
  return out;
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find_first_of("\r\n"));
}

}  // namespace ovl
