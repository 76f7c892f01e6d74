// ovl state: what this host remembers, and taking over or letting go. Each answers the process's exit code.
#pragma once

#include <string>
#include <vector>

#include "cmd/base/options.hpp"
#include "cmd/session/context.hpp"
#include "reconcile/objects/recorded.hpp"

namespace ovl {

struct StateVerbOptions {
  std::string address;                 // of list and show
  std::vector<std::string> addresses;  // of rm, import and mv
};

// prefix: of the addresses to list; empty: all.
int run_state_list(const GlobalOptions& global, const PlanOptions& options, const std::string& prefix);
int run_state_show(const GlobalOptions& global, const PlanOptions& options, const std::string& address);
int run_state_pull(const GlobalOptions& global, const PlanOptions& options);
int run_state_rm(const GlobalOptions& global, const PlanOptions& options,
                 const std::vector<std::string>& addresses);
int run_state_import(const GlobalOptions& global, const PlanOptions& options,
                     const std::vector<std::string>& addresses);
// names: the old one and the new one.
int run_state_mv(const GlobalOptions& global, const PlanOptions& options,
                 const std::vector<std::string>& names);
int run_state_recover(const GlobalOptions& global, const PlanOptions& options);

// Takes a state that another machine has written for this one's.
int run_state_adopt(const GlobalOptions& global, const PlanOptions& options);

// What the opened state says of this host. Errors: not_found, when it has applied nothing.
Result<Recorded> recorded_here(Context& context);

}  // namespace ovl
