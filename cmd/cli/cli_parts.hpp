// Between the files that build the command tree: cmd/cli/cli.cpp, cmd/cli/cli_options.cpp for what several
// verbs share, cmd/cli/cli_git.cpp for what knows of git, and cmd/cli/cli_store.cpp for the keystore and the
// state.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cmd/base/options.hpp"
#include "cmd/hooks/hooks.hpp"
#include "cmd/verbs/init.hpp"
#include "cmd/verbs/lab.hpp"
#include "cmd/verbs/state_verbs.hpp"
#include "cmd/verbs/validate.hpp"

namespace CLI {
class App;
}

namespace ovl {

// Everything that the options are parsed into, and the verb that was chosen.
struct CommandLine {
  GlobalOptions global;
  PlanOptions plan;
  ExecOptions exec;
  LsOptions ls;
  StatusOptions status;
  ValidateOptions validate;
  InitOptions init;
  LabOptions lab;
  AgentOptions agent;
  SyncOptions sync;
  HookOptions hook;
  GraphOptions graph;
  FmtOptions fmt;
  KeystoreVerbOptions keystore;
  StateVerbOptions state;
  std::string shell;
  std::string lock_id;
  std::string reason;
  bool lost = false;  // of host forget
  std::vector<std::string> refs;
  std::string target;
  std::vector<std::string> topics;  // of help
  bool all = false;                 // of help
  std::function<int()> run;
};

CLI::App& verb(CLI::App& parent, CommandLine& line, const std::string& name, const std::string& what,
               std::function<int()> run);

// Options that several verbs have. PATH, --repo and --ref; the keystore's; who this machine is.
void add_revision(CLI::App& app, PlanOptions& plan);
void add_store(CLI::App& app, PlanOptions& plan);
void add_where(CLI::App& app, PlanOptions& plan);
void add_host(CLI::App& app, PlanOptions& plan);
// Those of plan and apply, with PATH or, where it is no argument, without.
void add_planning(CLI::App& app, PlanOptions& plan);
void add_planning_options(CLI::App& app, PlanOptions& plan);
// Of these, what says how a plan is printed, and what it is held to.
void add_reading_a_plan(CLI::App& app, PlanOptions& plan);
void add_take_over(CLI::App& app, PlanOptions& plan);
void add_approval(CLI::App& app, PlanOptions& plan);
void add_policy(CLI::App& app, PlanOptions& plan);
void add_json(CLI::App& app, PlanOptions& plan);
void add_show_all(CLI::App& app, PlanOptions& plan);
// of_plans: also GitLab's report, which counts changes; a validation has none.
void add_format(CLI::App& app, std::string& format, bool of_plans);
void add_beats(CLI::App& app, std::string& heartbeat, std::string& ttl);

// hook, sync, suspend, resume, diff and rollback.
void add_git_verbs(CLI::App& app, CommandLine& line);
// keystore copy, check, export and import.
void add_keystore_verbs(CLI::App& app, CommandLine& line);
// history and lock.
void add_history(CLI::App& app, CommandLine& line);
void add_state_verbs(CLI::App& app, CommandLine& line);

}  // namespace ovl
