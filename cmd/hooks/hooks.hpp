// ovl hook: git hooks that guard and apply.
#pragma once

#include <string>
#include <vector>

#include "cmd/base/options.hpp"
#include "cmd/hooks/environment.hpp"
#include "cmd/session/ref_update.hpp"

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

// pre-receive: exit code 0 takes the push.
int run_pre_receive(const GlobalOptions& global, PlanOptions plan, const HookOptions& hook,
                    const std::vector<RefUpdate>& updates);
// post-receive: applies the newest commit of the branch, also when it was taken before and never applied,
// and waits for it as long as the hook says.
int run_post_receive(const GlobalOptions& global, const PlanOptions& plan, const HookOptions& hook,
                     const std::vector<RefUpdate>& updates);

}  // namespace ovl
