// ovl hook: git hooks that guard and apply.
#pragma once

#include <string>
#include <vector>

#include "cmd/hooks/environment.hpp"
#include "cmd/options.hpp"

namespace ovl {

struct HookOptions {
  std::vector<std::string> names;      // of install and uninstall; empty: all that are there
  std::string name;                    // of run
  std::vector<std::string> arguments;  // what git gives the hook
  std::string wait = "20s";            // how long a push waits for its apply, which goes on behind it
  std::string time_limit = "60s";      // how long looking at a push or a merge may take
  bool trust_push_options = false;     // a push may ask for allow-rollback and max-destroy
  HookEnvironment environment;         // of run
};

int run_hook_install(const GlobalOptions& global, const PlanOptions& plan, const HookOptions& hook);
int run_hook_status(const PlanOptions& plan);
int run_hook_uninstall(const PlanOptions& plan, const HookOptions& hook);
int run_hook(const GlobalOptions& global, const PlanOptions& plan, const HookOptions& hook);

// One line of what git tells a hook on stdin.
struct RefUpdate {
  std::string before;  // as is_object_id() knows one; zeros: there was none
  std::string after;   // zeros: it is deleted
  std::string ref;     // "refs/heads/main"
};

inline constexpr std::string_view kNoCommit = "0000000000000000000000000000000000000000";

// Whether an id stands for none, in a repository with SHA-256 too.
inline bool is_no_commit(std::string_view id) {
  return id.find_first_not_of('0') == std::string_view::npos;
}

// pre-receive: exit code 0 takes the push.
int run_pre_receive(const GlobalOptions& global, PlanOptions plan, const HookOptions& hook,
                    const std::vector<RefUpdate>& updates);
// post-receive: applies the newest commit of the branch, also when it was taken before and never applied,
// and waits for it as long as the hook says.
int run_post_receive(const GlobalOptions& global, const PlanOptions& plan, const HookOptions& hook,
                     const std::vector<RefUpdate>& updates);

}  // namespace ovl
