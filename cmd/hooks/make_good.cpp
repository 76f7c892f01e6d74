// git takes a push when pre-receive has said so, and does not ask whether post-receive did its part: a
// machine that is switched off in between has a branch that nobody applied, and no later push of the same
// commit ever comes. So who takes notes it first, and whoever comes by finds the note.
#include "cmd/hooks/make_good.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <vector>

#include "cmd/base/style.hpp"
#include "cmd/hooks/hooks.hpp"
#include "cmd/hooks/script.hpp"
#include "cmd/session/suspension.hpp"
#include "cmd/session/taken.hpp"
#include "drivers/process/run.hpp"
#include "model/base/handle.hpp"

namespace ovl {

namespace {

// Longer than any --wait; the apply itself goes on when it is over.
constexpr std::chrono::minutes kMost{30};

// The value of an option in a call, or nothing.
std::string value_of(const std::vector<std::string>& call, std::string_view option) {
  const auto at = std::ranges::find(call, option);
  return at == call.end() || at + 1 == call.end() ? std::string() : *(at + 1);
}

// The variables that the call's own secrets are in. As the hook itself would keep them (take_environment()):
// what is called is the hook's own script line, with nothing of the environment of who happens to look.
std::vector<std::string> environment_of(const std::vector<std::string>& call) {
  constexpr std::string_view lead = "env:";
  std::vector<std::string> out{"PATH=/usr/bin:/bin"};
  for (const std::string& word : call) {
    if (!word.starts_with(lead)) continue;
    const std::string name = word.substr(lead.size());
    const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe): nobody sets it
    if (value != nullptr) out.push_back(fmt::format("{}={}", name, value));
  }
  return out;
}

// As git tells a hook the options of its push (githooks(5), pre-receive).
void add_push_options(const std::vector<std::string>& options, std::vector<std::string>& environment) {
  environment.push_back(fmt::format("GIT_PUSH_OPTION_COUNT={}", options.size()));
  for (std::size_t i = 0; i < options.size(); ++i) {
    environment.push_back(fmt::format("GIT_PUSH_OPTION_{}={}", i, options[i]));
  }
}

// The lock of apply_apart(). Taken and given back at once: it only answers whether somebody has it, and an
// apply that begins now finds the branch as it is anyway.
bool is_applying(const std::string& repository) {
  const UniqueFd lock(::open((repository + "/ovl/apply.lock").c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  // No file: nothing was ever applied here.
  return lock.valid() && ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0;
}

// Root who looks at somebody's repository must not run what that account's script names: the account may
// write the script.
bool is_ours(const std::string& folder) {
  struct stat about {};

  return ::stat(folder.c_str(), &about) == 0 && about.st_uid == ::geteuid();
}

// Why it is told only; empty: it can be made good.
std::string hindrance(const std::string& repository, const std::vector<std::string>& call) {
  // Each hindrance is told and is no error: `hook status` shows the hooks, whatever is in the way of an
  // apply.
  if (is_applying(repository)) return fmt::format("an apply is under way, see {}/ovl/apply.log", repository);
  std::string state = value_of(call, "--state-dir");
  if (state.empty()) state = GlobalOptions().state_directory;
  // The same two places that the hook looks at.
  for (const std::string& place : {state, repository + "/ovl"}) {
    if (const auto suspended = read_suspension(place)) return suspended->words();
  }
  return is_ours(repository) ? "" : "another account's hooks; its next push, or hook status of its own, does";
}

}  // namespace

Status make_good(GitRepository& repository, const std::string& post_receive) {
  std::vector<std::string> call = call_in(post_receive);
  // By the script, which has the options that its owner has chosen: the repository's own branch may be
  // another.
  const std::string branch = value_of(call, "--ref");
  const auto taken = branch.empty() ? std::nullopt : find_taken(repository, branch);
  if (!taken) return {};
  const std::string what = fmt::format("{}: {} was taken and never applied", branch, taken->words());
  const std::string why_not = hindrance(repository.directory(), call);
  if (!why_not.empty()) {
    std::cout << printable(fmt::format("{}: {}", what, why_not)) << "\n";
    return {};
  }
  std::cout << printable(what) << "; it is now:\n" << std::flush;
  std::vector<std::string> environment = environment_of(call);
  // An apply that was asked to allow a rollback is refused without it, now as then.
  add_push_options(taken->options, environment);
  OVL_TRY(const ProcessOutput ran,
          run_process({.arguments = std::move(call),
                       .environment = std::move(environment),
                       // Through stdin, as git would tell it: the hook can't tell the two apart, and has one
                       // way in.
                       .input = fmt::format("{} {} {}\n", taken->before, taken->commit, branch),
                       .timeout = kMost}));
  std::cout << ran.out;
  std::cerr << ran.err;
  return {};
}

}  // namespace ovl
