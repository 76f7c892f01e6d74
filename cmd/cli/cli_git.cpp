// The verbs that know of git: hook, sync, suspend, resume, diff, rollback.
#include <CLI/CLI.hpp>

#include "cmd/cli/cli_parts.hpp"
#include "cmd/session/suspension.hpp"
#include "cmd/verbs/rollback.hpp"
#include "cmd/verbs/verbs.hpp"

namespace ovl {

namespace {

void add_repository(CLI::App& app, PlanOptions& plan) {
  app.add_option("--repo", plan.repo, "The git repository; default the one here");
}

// What a hook keeps: how it is installed and how it is run are the same options. The script calls `ovl hook
// run` with what `ovl hook install` was given, so an option that only one of them knew would break each
// installed hook.
void add_kept(CLI::App& app, CommandLine& line) {
  add_revision(app, line.plan);
  app.add_option("--path", line.plan.path, "The manifest in the repository: a file or a folder");
  add_store(app, line.plan);
  add_planning_options(app, line.plan);
  add_approval(app, line.plan);
  app.add_option("--wait", line.hook.wait, "How long a push waits for its apply, which goes on behind it")
      ->capture_default_str();
  app.add_option("--time-limit", line.hook.time_limit, "How long looking at a push or a merge may take")
      ->capture_default_str();
  app.add_flag("--trust-push-options", line.hook.trust_push_options,
               "Who pushes may ask for ovl.allow-rollback, ovl.take-over and ovl.max-destroy=N");
}

void add_hook(CLI::App& app, CommandLine& line) {
  CLI::App& group = *app.add_subcommand("hook", "Git hooks that validate, plan and apply what is committed");
  group.require_subcommand(1);
  CLI::App& install =
      verb(group, line, "install", "Write hooks that keep these options; what is there runs first",
           [&line] { return run_hook_install(line.global, line.plan, line.hook); });
  add_kept(install, line);
  install.add_option("HOOK", line.hook.names, "pre-commit, pre-push, pre-receive, post-receive, post-merge")
      ->required();
  CLI::App& status = verb(group, line, "status", "Show which hooks a repository has",
                          [&line] { return run_hook_status(line.plan); });
  add_repository(status, line.plan);
  CLI::App& uninstall = verb(group, line, "uninstall", "Take hooks away; what was there before comes back",
                             [&line] { return run_hook_uninstall(line.plan, line.hook); });
  add_repository(uninstall, line.plan);
  uninstall.add_option("HOOK", line.hook.names, "Those; default all of ovl's");
  CLI::App& run = verb(group, line, "run", "What a hook's script calls",
                       [&line] { return run_hook(line.global, line.plan, line.hook); });
  add_kept(run, line);
  run.add_option("HOOK", line.hook.name, "pre-commit, pre-push, pre-receive, post-receive or post-merge")
      ->required();
  // Behind "--": git gives a hook names and URLs, which may begin with a dash.
  run.add_option("ARGS", line.hook.arguments, "What git gives the hook, behind --");
}

void add_sync(CLI::App& app, CommandLine& line) {
  CLI::App& sync = verb(app, line, "sync", "Fetch, verify, plan and apply, once or again and again",
                        [&line] { return run_sync(line.global, line.plan, line.sync); });
  // All that an apply takes but its approval: who runs sync has approved what the repository says.
  add_planning(sync, line.plan);
  sync.add_option("--interval", line.sync.interval, "Again after so long, until told to end: 1s, 5m");
  add_beats(sync, line.sync.heartbeat, line.sync.ttl);
}

void add_diff(CLI::App& app, CommandLine& line) {
  CLI::App& diff = verb(app, line, "diff", "Show what one revision would change that another has made",
                        [&line] { return run_diff(line.global, line.plan, line.refs); });
  diff.add_option("REV REV", line.refs, "From which, and to which: branches, tags or commits")
      ->required()
      ->expected(2);
  diff.add_option("PATH", line.plan.path, "The manifest in the repository: a file or a folder");
  // For who knows the option from hooks.
  diff.add_option("--path", line.plan.path, "The same as PATH");
  add_repository(diff, line.plan);
  add_store(diff, line.plan);
  // Neither scope nor selection, nor approval: a diff is of two manifests as wholes, and makes nothing.
  add_reading_a_plan(diff, line.plan);
  diff.add_option("--host", line.plan.host, "Also what changes on this host, as if it stood at the first")
      ->envname("OVL_HOST");
}

// PATH and --path: the manifest may have lain elsewhere in the commit that is gone back to.
void add_rollback(CLI::App& app, CommandLine& line) {
  CLI::App& rollback = verb(app, line, "rollback", "Go back to a generation or revision, as a new generation",
                            [&line] { return run_rollback(line.global, line.plan, line.target); });
  rollback.add_option("TARGET", line.target, "A generation's number or a revision; default the one before");
  rollback.add_option("PATH", line.plan.path, "The manifest in the repository: a file or a folder");
  rollback.add_option("--path", line.plan.path, "The same as PATH");
  add_repository(rollback, line.plan);
  add_store(rollback, line.plan);
  add_planning_options(rollback, line.plan);
  add_approval(rollback, line.plan);
}

// The same two for a machine and, with --repo, for the hooks of one repository.
void add_suspend(CLI::App& app, CommandLine& line) {
  CLI::App& suspend = verb(app, line, "suspend", "Let sync, agent and post-receive stand back here",
                           [&line] { return run_suspend(line.global, line.plan, line.reason); });
  // Not required: who works in a hurry would invent one, and who and since when is told anyway.
  suspend.add_option("--reason", line.reason, "Why, for those who wonder");
  CLI::App& resume = verb(app, line, "resume", "Let them apply again",
                          [&line] { return run_resume(line.global, line.plan); });
  for (CLI::App* one : {&suspend, &resume}) {
    one->add_option("--repo", line.plan.repo, "Only the hooks of this repository");
  }
}

}  // namespace

void add_git_verbs(CLI::App& app, CommandLine& line) {
  add_hook(app, line);
  add_sync(app, line);
  add_suspend(app, line);
  add_diff(app, line);
  add_rollback(app, line);
}

}  // namespace ovl
