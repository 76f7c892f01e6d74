// git itself, for what only it knows.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "drivers/process/run.hpp"
#include "model/base/result.hpp"

namespace ovl {

inline constexpr const char* kGitProgram = "/usr/bin/git";

// The environment for git: nothing but these variables, where they are set.
std::vector<std::string> git_environment(std::span<const char* const> passed);

// A question about a repository. Its configuration may be somebody's words.
struct GitQuestion {
  std::string directory;                      // its git directory
  std::string work_tree = {};                 // empty: there is none
  std::vector<std::string> words;             // behind "git"
  std::string input = {};                     // all of its stdin
  std::vector<std::string> environment = {};  // besides the question's own
  std::size_t most_output = std::size_t{64} << 20;
};

// What git says. Its environment is empty; nothing is fetched, no configuration but the repository's counts,
// and no program that this names is run: of the commands that are asked none may apply filters, textconv or
// signatures' programs (status, diff, log and show would). Replacements of objects do not count.
// Errors: as run_process(); not_found when git is not installed. git's own failures are in the status.
Result<ProcessOutput> ask_git(const GitQuestion& question);

// What git says, when it says that it has failed: its own words, with the remedy that stands behind them.
Error git_failed(const std::string& doing, const std::string& said, Errc code = Errc::io);

// The first line of what git printed: what went wrong stands first, advice behind it.
std::string first_line(const std::string& text);

}  // namespace ovl
