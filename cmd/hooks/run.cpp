// ovl hook run: what a hook's script calls.
#include <fmt/format.h>

#include <iostream>
#include <iterator>
#include <sstream>

#include "cmd/base/exit.hpp"
#include "cmd/base/style.hpp"
#include "cmd/hooks/hooks.hpp"
#include "cmd/hooks/limit.hpp"
#include "cmd/hooks/script.hpp"
#include "cmd/session/context.hpp"
#include "cmd/trust/cluster_word.hpp"
#include "cmd/verbs/verbs.hpp"
#include "drivers/git/ref_name.hpp"
#include "files/read.hpp"
#include "reconcile/manifest/diagnostic_text.hpp"
#include "reconcile/manifest/parse.hpp"
#include "reconcile/store/revision.hpp"

namespace ovl {

namespace {

// A push of more refs than that has another purpose than a manifest.
constexpr std::size_t kMostInput = 1U << 20U;

Error bad_input() {
  return Error{.code = Errc::usage,
               .message = "what git tells a hook is not on stdin",
               .hint = "hooks are run by git; see githooks(5)"};
}

// The words of each line.
Result<std::vector<std::vector<std::string>>> read_lines() {
  // All of it, and bounded: git waits for a hook that does not read, and whoever pushes chooses how many refs
  // there are.
  auto text = read_stdin(kMostInput);
  if (!text.ok()) return bad_input();
  std::vector<std::vector<std::string>> lines;
  std::istringstream input(std::move(text).value());
  for (std::string line; std::getline(input, line);) {
    std::istringstream words(line);
    lines.emplace_back(std::istream_iterator<std::string>(words), std::istream_iterator<std::string>());
  }
  return lines;
}

// githooks(5), pre-receive: <old-value> <new-value> <ref-name>.
Result<std::vector<RefUpdate>> read_received() {
  OVL_TRY(const auto lines, read_lines());
  std::vector<RefUpdate> updates;
  for (const auto& line : lines) {
    // Names of refs have no spaces (git-check-ref-format(1)), so that three words are a line and anything
    // else is no git.
    if (line.size() != 3 || !is_object_id(line[0]) || !is_object_id(line[1])) return bad_input();
    updates.push_back({.before = line[0], .after = line[1], .ref = line[2]});
  }
  // git has always something to tell (receive-pack.c, run_receive_hook): nothing means that it got lost. A
  // hook that was told nothing and said yes would take any push whose input somebody has cut off.
  if (updates.empty()) return bad_input();
  return updates;
}

// githooks(5), pre-push: <local-ref> <local-object> <remote-ref> <remote-object>. Here nothing is told of
// what is there already (transport.c, run_pre_push_hook()), so that an empty input is no fault.
Result<std::vector<RefUpdate>> read_pushed() {
  OVL_TRY(const auto lines, read_lines());
  std::vector<RefUpdate> updates;
  for (const auto& line : lines) {
    if (line.size() != 4 || !is_object_id(line[1]) || !is_object_id(line[3])) return bad_input();
    updates.push_back({.before = line[3], .after = line[1], .ref = line[2]});
  }
  return updates;
}

// Prints every finding. A place without a manifest has nothing to be wrong.
int verdict(Result<Sources> found) {
  if (!found.ok() && found.error().code == Errc::not_found) {
    std::cerr << fmt::format("ovl: {}; nothing to validate\n", printable(found.error().message));
    return kExitDone;
  }
  if (!found.ok()) return report_error(found.error());
  const Sources files = std::move(found).value();
  const Parsed parsed = parse(files);
  // Without colour: git passes a hook's words on to a terminal that is not ours.
  std::cerr << render_all(parsed.diagnostics, files, false);
  if (parsed.diagnostics.empty()) return kExitDone;
  std::cerr << "ovl: the manifest is invalid\n";
  return kExitManifest;
}

Result<int> pre_commit(const PlanOptions& plan, const HookOptions& hook) {
  OVL_TRY(const auto repository, need_repository(plan.repo));
  // The index and not the files: what is committed is what was added, also when the work tree says something
  // else by now.
  return verdict(read_staged(*repository, hook.environment.index, plan.path));
}

Result<Sources> files_of(GitRepository& repository, const std::string& commit, const std::string& path) {
  OVL_TRY(RevisionManifest manifest, read_revision(repository, commit, path));
  return std::move(manifest.files);
}

Result<int> pre_push(const PlanOptions& plan) {
  OVL_TRY(const auto updates, read_pushed());
  OVL_TRY(const auto repository, need_repository(plan.repo));
  for (const RefUpdate& update : updates) {
    // A branch that is deleted has nothing to validate.
    if (is_no_commit(update.after)) continue;
    const int code = verdict(files_of(*repository, update.after, plan.path));
    if (code != kExitDone) return code;
  }
  return kExitDone;
}

// A branch may have several names, and git changes it by any of them. A symbolic ref (`git symbolic-ref
// refs/heads/alias refs/heads/main`) that is pushed to moves main, and git tells the hook the alias alone:
// compared as it stands, it would pass as a branch that nobody follows.
Status resolve_names(PlanOptions& plan, std::vector<RefUpdate>& updates) {
  OVL_TRY(const auto repository, need_repository(plan.repo));
  plan.ref = repository->target_of(plan.ref);
  for (RefUpdate& update : updates) update.ref = repository->target_of(update.ref);
  return {};
}

Result<int> receive(const GlobalOptions& global, const PlanOptions& plan, const HookOptions& hook) {
  OVL_TRY(auto updates, read_received());
  PlanOptions here = plan;
  OVL_CHECK(resolve_names(here, updates));
  // A hook has no home any more: what it remembers of the store lies with its repository, for all who push.
  here.memory_folder = plan.repo + "/ovl";
  return hook.name == "pre-receive" ? run_pre_receive(global, here, hook, updates)
                                    : run_post_receive(global, here, hook, updates);
}

int post_merge(const GlobalOptions& global, PlanOptions plan) {
  plan.host_side = true;
  plan.cluster_file = hooks_cluster_file(plan.repo);
  // What was merged is HEAD by now: the commit, and not the files, is what is applied.
  plan.ref = "HEAD";
  // Whoever merges has not read all that came with it: without --auto-approve it is shown and not made.
  return plan.auto_approve ? run_apply(global, plan) : run_plan(global, plan);
}

// What is pushed is made by a process of its own, for which nobody waits longer than --wait.
bool is_limited(const HookOptions& hook) {
  return hook.name != "post-receive";
}

Result<int> dispatch(const GlobalOptions& global, const PlanOptions& plan, const HookOptions& hook) {
  // Before anything of the push is read.
  if (is_limited(hook)) {
    OVL_TRY(const auto limit, parse_duration("--time-limit", hook.time_limit));
    limit_hook(limit);
  }
  if (hook.name == "pre-commit") return pre_commit(plan, hook);
  if (hook.name == "pre-push") return pre_push(plan);
  if (hook.name == "post-merge") return post_merge(global, plan);
  return receive(global, plan, hook);
}

}  // namespace

int run_hook(const GlobalOptions& global, const PlanOptions& plan, const HookOptions& hook) {
  const auto code = dispatch(global, plan, hook);
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace ovl
