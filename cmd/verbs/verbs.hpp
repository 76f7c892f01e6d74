// The verbs, one function each in a file of its name. Each answers the process's exit code.
#pragma once

#include "cmd/base/options.hpp"

namespace ovl {

int run_plan(const GlobalOptions& global, const PlanOptions& options);
// The same before a push is taken: what stands in the way on this host alone refuses nobody's push, as it is
// left as it is.
int run_plan_of_push(const GlobalOptions& global, const PlanOptions& options);
int run_apply(const GlobalOptions& global, const PlanOptions& options);

// The same for who has to know whether it is applied: also when a part of this host is left as it is, which
// has a code of its own.
struct ApplyEnd {
  int code = 0;
  bool is_applied = false;
};

ApplyEnd apply_to_end(const GlobalOptions& global, const PlanOptions& options);
int run_show(const GlobalOptions& global, const PlanOptions& options);
int run_exec(const GlobalOptions& global, const PlanOptions& options, const ExecOptions& exec);
int run_ls(const GlobalOptions& global, const PlanOptions& options, const LsOptions& ls);
int run_inspect(const GlobalOptions& global, const PlanOptions& options, const LsOptions& inspect);
int run_status(const GlobalOptions& global, const PlanOptions& options, const StatusOptions& asked);
int run_graph(const GlobalOptions& global, const PlanOptions& options, const GraphOptions& graph);
int run_history(const GlobalOptions& global, const PlanOptions& options);
int run_lock_ls(const GlobalOptions& global, const PlanOptions& options);
// id: as ovl lock ls shows it.
int run_lock_break(const GlobalOptions& global, const PlanOptions& options, const std::string& id);
int run_fmt(const FmtOptions& options);
// ovl completion SHELL.
int run_completion(const std::string& shell);

// What a block of the manifest, "network", or a key of it, "network.vni", means; empty: all blocks.
int run_explain(const std::string& what);
// ovl __complete WORD...: candidates, one a line, behind a tab what they mean; ":files" for file names.
int run_complete(const GlobalOptions& global, const std::vector<std::string>& words);
// ovl host forget NAME; lost: what it has stays its own, and nobody waits for it till it is back.
int run_forget(const GlobalOptions& global, const PlanOptions& options, const std::string& host, bool lost);
int run_doctor(const GlobalOptions& global, const PlanOptions& options);
int run_agent(const GlobalOptions& global, const PlanOptions& options, const AgentOptions& agent);
// refs: two revisions.
int run_diff(const GlobalOptions& global, const PlanOptions& options, const std::vector<std::string>& refs);
int run_sync(const GlobalOptions& global, const PlanOptions& options, const SyncOptions& sync);
int run_keystore_copy(const KeystoreVerbOptions& options);
int run_keystore_check(const GlobalOptions& global, const PlanOptions& options);
int run_keystore_export(const GlobalOptions& global, const PlanOptions& options,
                        const KeystoreVerbOptions& verb);
int run_keystore_import(const GlobalOptions& global, const PlanOptions& options,
                        const KeystoreVerbOptions& verb);

}  // namespace ovl
