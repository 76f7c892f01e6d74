// ovl hook install, status, uninstall: scripts in a repository's hooks folder. What stood there is kept.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <optional>

#include "cmd/base/describe.hpp"
#include "cmd/base/exit.hpp"
#include "cmd/base/style.hpp"
#include "cmd/base/write_file.hpp"
#include "cmd/hooks/hooks.hpp"
#include "cmd/hooks/make_good.hpp"
#include "cmd/hooks/script.hpp"
#include "cmd/session/context.hpp"
#include "cmd/session/taken.hpp"
#include "cmd/trust/cluster_word.hpp"
#include "cmd/trust/host_side.hpp"
#include "cmd/trust/keystore_word.hpp"
#include "cmd/trust/ownership.hpp"
#include "drivers/git/hooks_folder.hpp"
#include "drivers/git/ref_name.hpp"
#include "files/read.hpp"
#include "reconcile/manifest/parse.hpp"
#include "reconcile/store/revision.hpp"

namespace ovl {

namespace {

namespace fs = std::filesystem;

// git runs files by the exact name of a hook (githooks(5)), so one with a suffix is never run by git itself.
constexpr std::string_view kOldHookSuffix = ".before-ovl";

// None: there is no such file. What can't be read as one is none of ours.
std::optional<std::string> text_of_file(const std::string& path) {
  // A hook is somebody's program: it may be binary, huge or a pipe, and is only looked at for our mark.
  auto text = read_regular(path, {});
  if (text.ok()) return std::move(text).value();
  if (text.error().code == Errc::not_found) return std::nullopt;
  return std::string();
}

Result<std::vector<const HookKind*>> hooks_named(const std::vector<std::string>& names) {
  std::vector<const HookKind*> out;
  for (const std::string& name : names) {
    out.push_back(find_hook(name));
    if (out.back() != nullptr) continue;
    return Error{.code = Errc::usage,
                 .message = fmt::format("there is no hook \"{}\"", printable(name)),
                 .hint = "use pre-commit, pre-push, pre-receive, post-receive or post-merge"};
  }
  return out;
}

// An address alone: which secrets it gets is not for a manifest to say that anybody may have pushed.
Status take_keystore(const KeystoreBlock& block, const Sources& files, PlanOptions& plan) {
  if (block.url.value.empty()) return {};
  const KeystoreAccess stated = access_of(block, files);
  // Together with the options: an address from the branch and a secret from the command line would be the
  // same mistake in two steps.
  if (has_references(overlay(stated, plan.keystore))) {
    return unconfirmed_access({.access = stated}, place_text(block.place, files));
  }
  plan.keystore.url = stated.url;
  // Without a secret there is nothing that plain transport gives away.
  plan.keystore.allow_plaintext = plan.keystore.allow_plaintext || stated.allow_plaintext;
  std::cout << fmt::format("Keystore {}, as the manifest says now; the hooks keep it.\n",
                           printable(plan.keystore.url));
  return {};
}

void take_cluster(const Label& name, PlanOptions& plan) {
  if (name.empty()) return;
  plan.cluster = name.text();
  std::cout << fmt::format("Cluster {}, as the manifest says now; the hooks keep it.\n", name.text());
}

// Who installs the hook has read the manifest that is there now; those to come are somebody else's. What the
// host says comes first.
Status take_from_manifest(GitRepository& repository, PlanOptions& plan) {
  OVL_TRY(const HostSide host, read_host_side());
  const bool asks_keystore = plan.keystore.url.empty() && host.access.url.empty();
  const bool asks_cluster = plan.cluster.empty() && host.cluster.empty();
  if (!asks_keystore && !asks_cluster) return {};
  // A new repository has no branch yet. Then the first push is the first manifest, and the hook's cluster is
  // remembered from what it begins to apply (hooks_cluster_file()).
  const auto found = read_revision(repository, plan.ref, plan.path);
  if (!found.ok()) return {};
  const Parsed parsed = parse(found.value().files);
  // A branch with a broken manifest must not keep anybody from installing the hook that guards it.
  if (!parsed.diagnostics.empty()) return {};
  if (asks_keystore) OVL_CHECK(take_keystore(parsed.manifest.keystore, found.value().files, plan));
  if (asks_cluster) take_cluster(parsed.manifest.cluster.value, plan);
  return {};
}

Result<PlanOptions> kept_options(GitRepository& repository, PlanOptions plan) {
  // The directory of objects, whole: a hook runs in another folder, with GIT_DIR set, and must not look for
  // its repository.
  plan.repo = repository.directory();
  // Kept by name from now on: HEAD may be moved later by whoever may write the repository, and the cluster
  // would follow another branch.
  if (plan.ref.empty() || plan.ref == "HEAD") plan.ref = repository.branch();
  if (plan.ref.empty()) {
    return Error{.code = Errc::usage,
                 .message = "the repository is on no branch",
                 .hint = "say which one the cluster follows: --ref refs/heads/main"};
  }
  // git tells a hook full names, and a short one may be a tag's.
  plan.ref = full_ref(plan.ref);
  // The hook will run somewhere else.
  plan.keystore = with_absolute_files(std::move(plan.keystore));
  std::error_code error;
  if (!plan.policy.empty()) plan.policy = fs::absolute(plan.policy, error).string();
  OVL_CHECK(take_from_manifest(repository, plan));
  return plan;
}

// What stood there gets a second name, once: until ours takes the first one, it goes on running, also when
// that never happens. Where files have one name alone, it is moved.
Status keep_before(const std::string& path) {
  const auto text = text_of_file(path);
  if (!text || is_hook_script(*text)) return {};
  std::error_code error;
  const std::string before = path + std::string(kOldHookSuffix);
  if (fs::equivalent(path, before, error)) return {};
  // Two hooks for one place: which of them shall run is not ours to say.
  if (fs::exists(before, error)) {
    return Error{.code = Errc::conflict,
                 .message = fmt::format("{} is another hook, and {} is kept already", path, before),
                 .hint = "make one of the two"};
  }
  // A name more, not another name: if the disk is full or this process is killed before ours is written, the
  // hook that refused pushes goes on refusing them. Moving it first would leave a gap in which every push
  // passes.
  fs::create_hard_link(path, before, error);
  if (error) fs::rename(path, before, error);
  if (!error) return {};
  return Error{.code = Errc::io, .message = fmt::format("{} can't be renamed: {}", path, error.message())};
}

// Ours in its place, in one step; when that fails, what stood there has its one name again.
Status take_place(const std::string& path, const std::string& script) {
  std::error_code error;
  const bool stood_there = fs::exists(path, error);
  OVL_CHECK(keep_before(path));
  // By rename(2), which puts ours in the place of what stood there without a moment in which git finds no
  // hook.
  Status written = write_whole_file(path, script, 0755);
  const std::string before = path + std::string(kOldHookSuffix);
  if (!written.ok() && stood_there && !fs::exists(path, error)) fs::rename(before, path, error);
  if (!written.ok() && fs::equivalent(path, before, error)) fs::remove(before, error);
  return written;
}

Result<std::string> own_program() {
  std::error_code error;
  // Not argv[0], and nothing that PATH decides: in a hook PATH is somebody else's.
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (!error) return program.string();
  return Error{.code = Errc::io, .message = "this program's own path can't be read"};
}

Status install_one(const HookKind& hook, const std::string& folder,
                   const std::vector<std::string>& arguments) {
  OVL_TRY(const std::string program, own_program());
  std::error_code error;
  fs::create_directories(folder, error);
  const std::string path = fmt::format("{}/{}", folder, hook.name);
  const std::string before = path + std::string(kOldHookSuffix);
  OVL_CHECK(take_place(path, hook_script(hook, program, before, arguments)));
  std::cout << fmt::format("{}: {}{}\n", printable(path), hook.what,
                           fs::exists(before, error) ? "; what stood there runs first" : "");
  return {};
}

// Validating needs no keystore, planning does. A warning and no error: [keystore] in the host's file may come
// later, and a hook without a store refuses, which is the safe way to be wrong.
void warn_without_keystore(const std::vector<const HookKind*>& hooks, const PlanOptions& kept) {
  const auto plans = [](const HookKind* hook) {
    return hook->name != "pre-commit" && hook->name != "pre-push";
  };
  const auto host = read_host_side();
  const bool known = !kept.keystore.url.empty() || (host.ok() && !host.value().access.url.empty());
  if (known || std::ranges::none_of(hooks, plans)) return;
  std::cerr << fmt::format(
      "ovl: this host names no keystore yet: pushes are refused until --keystore URL or [keystore] in {} "
      "does\n",
      kHostKeystoreFile);
}

// What a hook answers is for git: 2 for changes would refuse them, and a file is written by whoever pushes.
Status check_kept(const PlanOptions& plan) {
  // --restored says that a person knows the store was put back from a copy. Kept in a hook, it would say so
  // for ever.
  if (!plan.detailed_exitcode && plan.json_into.empty() && !plan.restored) return {};
  return Error{.code = Errc::usage,
               .message = "a hook has no use for --detailed-exitcode, --json-into and --restored",
               .hint = "leave them out"};
}

std::string default_hooks(const GitRepository& repository) {
  return repository.directory() + "/hooks";
}

// Where hooks of this repository run, and no others': what is installed has this repository's options.
Result<std::string> folder_to_install(const GitRepository& repository) {
  // git is asked, as core.hooksPath may stand in the configuration of a machine or an account too. What lies
  // in the default folder then holds nobody, however installed it looks.
  OVL_TRY(std::string folder, hooks_folder(repository));
  // A shared folder would run this repository's branch, store and policy for the pushes of every other one.
  if (is_own_folder(repository, folder)) return folder;
  return Error{.code = Errc::conflict,
               .message = fmt::format("git runs the hooks of {} in {}, which other repositories may share "
                                      "(core.hooksPath); nothing was installed",
                                      repository.directory(), folder),
               .hint = fmt::format("give it its own: git -C {} config core.hooksPath {}", repository.top(),
                                   default_hooks(repository))};
}

Status check_durations(const HookOptions& hook) {
  OVL_TRY(const auto wait, parse_duration("--wait", hook.wait));
  OVL_TRY(const auto limit, parse_duration("--time-limit", hook.time_limit));
  if (wait.count() >= 0 && limit.count() > 0) return {};
  return Error{
      .code = Errc::usage, .message = "--time-limit must be more than nothing", .hint = "leave it out: 60s"};
}

Result<int> install(const GlobalOptions& global, const PlanOptions& plan, const HookOptions& hook) {
  // All that can be refused is refused before the first file is written.
  OVL_CHECK(check_kept(plan));
  OVL_TRY(const auto hooks, hooks_named(hook.names));
  OVL_TRY(const auto repository, need_repository(plan.repo));
  OVL_TRY(const std::string folder, folder_to_install(*repository));
  OVL_TRY(const PlanOptions kept, kept_options(*repository, plan));
  OVL_CHECK(check_durations(hook));
  // Into the script, and not into git's configuration: whoever may write the repository may often write that
  // too, and who reads a hook sees what it does.
  std::vector<std::string> arguments = hook_arguments(global, kept);
  if (hook.wait != HookOptions().wait) arguments.insert(arguments.end(), {"--wait", hook.wait});
  if (hook.time_limit != HookOptions().time_limit)
    arguments.insert(arguments.end(), {"--time-limit", hook.time_limit});
  if (hook.trust_push_options) arguments.emplace_back("--trust-push-options");
  // What was remembered was of the hooks that stood there before.
  std::error_code error;
  fs::remove(hooks_cluster_file(repository->directory()), error);
  for (const HookKind* one : hooks) OVL_CHECK(install_one(*one, folder, arguments));
  // Only where something applies: pre-receive notes what it takes if this folder is there, and alone it would
  // note what nobody ever applies.
  if (std::ranges::find(hooks, std::string_view("post-receive"), &HookKind::name) != hooks.end())
    OVL_CHECK(make_taken_folder(repository->directory()));
  // With sudo all of it would be root's, and the account's pushes could be taken and never applied.
  OVL_CHECK(leave_to_owner(repository->directory()));
  warn_without_keystore(hooks, kept);
  return kExitDone;
}

std::string state_of(const std::string& path) {
  const auto text = text_of_file(path);
  if (!text) return "-";
  if (!is_hook_script(*text)) return "another hook";
  if (::access(path.c_str(), X_OK) != 0) return "not executable";
  // Of the script itself: after an upgrade into another folder the hook names a program that is gone, and
  // each push is refused in the shell's words.
  const auto call = call_in(*text);
  return !call.empty() && ::access(call.front().c_str(), X_OK) == 0 ? "installed" : "its ovl is gone";
}

// Of a hook in the folder where git runs hooks, or one of ours where it does not.
std::string state_in(const std::string& folder, const std::string& elsewhere, const HookKind& hook) {
  std::string state = state_of(fmt::format("{}/{}", folder, hook.name));
  if (state != "-" && state != "another hook") return state;
  // Installed where git ran hooks then; core.hooksPath was set later. Nobody notices it otherwise: pushes
  // pass.
  const auto other = text_of_file(fmt::format("{}/{}", elsewhere, hook.name));
  return folder != elsewhere && other && is_hook_script(*other) ? "never runs" : state;
}

void warn_of_other_folder(const std::string& folder, const std::string& elsewhere) {
  std::cerr << fmt::format(
      "ovl: git runs hooks in {} (core.hooksPath), and never those that were installed in {}\n"
      "hint: ovl hook uninstall, then install again\n",
      printable(folder), printable(elsewhere));
}

Result<int> status(const PlanOptions& plan) {
  OVL_TRY(const auto repository, need_repository(plan.repo));
  OVL_TRY(const std::string folder, hooks_folder(*repository));
  const std::string elsewhere = default_hooks(*repository);
  Table table;
  table.row({"HOOK", "STATE", "BEFORE IT", "WHAT IT DOES"});
  bool idle = false;
  for (const HookKind& hook : kHooks) {
    const std::string path = fmt::format("{}/{}", folder, hook.name);
    const std::string state = state_in(folder, elsewhere, hook);
    idle = idle || state == "never runs";
    std::error_code error;
    const bool chained = fs::exists(path + std::string(kOldHookSuffix), error);
    table.row({std::string(hook.name), state, chained ? "another hook" : "-", std::string(hook.what)});
  }
  std::cout << fmt::format("{}\n", printable(folder)) << table.text("");
  if (idle) warn_of_other_folder(folder, elsewhere);
  // Whoever looks at the hooks is the first to come by after a post-receive was killed.
  OVL_CHECK(make_good(*repository, text_of_file(folder + "/post-receive").value_or("")));
  return kExitDone;
}

// What stood there comes back.
Result<bool> uninstall_one(const HookKind& hook, const std::string& folder) {
  const std::string path = fmt::format("{}/{}", folder, hook.name);
  const auto text = text_of_file(path);
  // Another's hook is left alone, also under a name that was asked for.
  if (!text || !is_hook_script(*text)) return false;
  std::error_code error;
  const std::string before = path + std::string(kOldHookSuffix);
  const bool chained = fs::exists(before, error);
  if (chained) {
    fs::rename(before, path, error);
  } else {
    fs::remove(path, error);
  }
  if (error) return Error{.code = Errc::io, .message = fmt::format("{}: {}", path, error.message())};
  std::cout << fmt::format("{}: taken away{}\n", printable(path),
                           chained ? "; what stood there is back" : "");
  return true;
}

// Where git runs hooks, and where it ran them when they were installed. A hook that never runs is to go too:
// it would be back with the next change of core.hooksPath.
std::vector<std::string> folders_to_clean(const GitRepository& repository) {
  std::vector<std::string> out{default_hooks(repository)};
  const auto folder = hooks_folder(repository);
  if (folder.ok() && folder.value() != out.front()) out.push_back(folder.value());
  return out;
}

Status uninstall_everywhere(const HookKind& hook, const std::vector<std::string>& folders, bool named) {
  bool done = false;
  for (const std::string& folder : folders) {
    OVL_TRY(const bool here, uninstall_one(hook, folder));
    done = done || here;
  }
  if (done || !named) return {};
  return Error{.code = Errc::not_found,
               .message = fmt::format("{} is not installed", hook.name),
               .hint = "see what is: ovl hook status"};
}

Result<int> uninstall(const PlanOptions& plan, const HookOptions& hook) {
  OVL_TRY(auto hooks, hooks_named(hook.names));
  OVL_TRY(const auto repository, need_repository(plan.repo));
  const bool named = !hooks.empty();
  if (!named) {
    for (const HookKind& one : kHooks) hooks.push_back(&one);
  }
  const auto folders = folders_to_clean(*repository);
  for (const HookKind* one : hooks) OVL_CHECK(uninstall_everywhere(*one, folders, named));
  return kExitDone;
}

int code_or_report(const Result<int>& code) {
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace

int run_hook_install(const GlobalOptions& global, const PlanOptions& plan, const HookOptions& hook) {
  return code_or_report(install(global, plan, hook));
}

int run_hook_status(const PlanOptions& plan) {
  return code_or_report(status(plan));
}

int run_hook_uninstall(const PlanOptions& plan, const HookOptions& hook) {
  return code_or_report(uninstall(plan, hook));
}

}  // namespace ovl
