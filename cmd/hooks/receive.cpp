// The hooks of a repository that others push to: pre-receive guards it, post-receive applies what it took.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <iostream>

#include "cmd/base/exit.hpp"
#include "cmd/base/interrupt.hpp"
#include "cmd/base/style.hpp"
#include "cmd/hooks/hooks.hpp"
#include "cmd/session/context.hpp"
#include "cmd/session/suspension.hpp"
#include "cmd/session/taken.hpp"
#include "cmd/trust/cluster_word.hpp"
#include "cmd/verbs/verbs.hpp"
#include "model/base/handle.hpp"
#include "reconcile/manifest/parse.hpp"
#include "reconcile/store/revision.hpp"

namespace ovl {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// The log of applies begins anew when it is larger.
constexpr off_t kMostLog = off_t{1} << 20;
// How often a waiting push looks for more to show.
constexpr milliseconds kPause{50};

void say(const std::string& text) {
  std::cout << "ovl: " << printable(text) << "\n" << std::flush;
}

// What is pushed to the branch that the cluster follows; none: nothing is.
const RefUpdate* followed(const std::vector<RefUpdate>& updates, const PlanOptions& plan) {
  const auto found = std::ranges::find(updates, plan.ref, &RefUpdate::ref);
  return found != updates.end() ? &*found : nullptr;
}

void tell_others(const std::vector<RefUpdate>& updates, const PlanOptions& plan) {
  for (const RefUpdate& update : updates) {
    if (update.ref != plan.ref) say(fmt::format("{} is not followed; it follows {}", update.ref, plan.ref));
  }
}

// ---- pre-receive ---------------------------------------------------------------------------------

struct PushWishes {
  bool dry_run = false;
  std::vector<std::string> lasting;  // the options that its apply goes by too
};

Error untrusted(const std::string& option) {
  return Error{.code = Errc::guard,
               .message = fmt::format("push option \"{}\" is not taken here", printable(option)),
               .hint = "who installs the hook may allow it: ovl hook install --trust-push-options"};
}

// Options of other programs are none of ours.
Result<PushWishes> push_wishes(const std::vector<std::string>& options, bool trusted, PlanOptions& plan) {
  constexpr std::string_view lead = "ovl.";
  constexpr std::string_view most = "ovl.max-destroy=";
  PushWishes out;
  for (const std::string& option : options) {
    if (!option.starts_with(lead)) continue;
    if (option == "ovl.dry-run") {
      out.dry_run = true;
      continue;
    }
    if (!trusted) return untrusted(option);
    out.lasting.push_back(option);
    if (option == "ovl.allow-rollback") {
      plan.allow_rollback = true;
    } else if (option == "ovl.take-over") {
      plan.take_over = true;
    } else if (option.starts_with(most)) {
      plan.max_destroy = option.substr(most.size());
    } else {
      return Error{.code = Errc::usage,
                   .message = fmt::format("there is no push option \"{}\"", printable(option)),
                   .hint = "use ovl.dry-run, ovl.allow-rollback, ovl.take-over or ovl.max-destroy=N"};
    }
  }
  return out;
}

// The name that a push has to keep: the hook's own, or that which was applied first, else that of what the
// branch was. None: nothing was there.
Status hold_cluster(const RefUpdate& update, PlanOptions& plan) {
  plan.cluster_file = hooks_cluster_file(plan.repo);
  OVL_TRY(const auto held, held_clusters(plan, {}));
  if (!held.empty() || is_no_commit(update.before)) return {};
  OVL_TRY(const auto repository, need_repository(plan.repo));
  const auto before = read_revision(*repository, update.before, plan.path);
  if (before.ok()) plan.cluster = parse(before.value().files).manifest.cluster.value.text();
  return {};
}

Result<int> guard_push(const GlobalOptions& global, PlanOptions plan, const HookOptions& hook,
                       const std::vector<RefUpdate>& updates) {
  OVL_TRY(const PushWishes wishes, push_wishes(hook.environment.push_options, hook.trust_push_options, plan));
  tell_others(updates, plan);
  const RefUpdate* update = followed(updates, plan);
  if (update == nullptr) return kExitDone;
  if (is_no_commit(update->after)) {
    return Error{.code = Errc::guard,
                 .message = fmt::format("{} is what the cluster follows, and stays", printable(plan.ref)),
                 .hint = "to remove everything, apply: ovl destroy"};
  }
  plan.host_side = true;
  OVL_CHECK(hold_cluster(*update, plan));
  plan.ref = update->after;
  plan.quarantine = hook.environment.quarantine;
  const int code = run_plan_of_push(global, plan);
  if (code != kExitDone) return code;
  if (!wishes.dry_run) {
    OVL_CHECK(note_taken(plan.repo, *update, wishes.lasting));
    return kExitDone;
  }
  say("a dry run: the push is not taken");
  return kExitError;
}

// ---- post-receive --------------------------------------------------------------------------------

Error no_log(const std::string& path) {
  return Error{.code = Errc::io, .message = fmt::format("{} can't be written", path), .os_errno = errno};
}

// Beside the objects, so that it is where the hooks' owner may write.
Result<std::string> log_path(const PlanOptions& plan) {
  const std::string folder = plan.repo + "/ovl";
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return no_log(folder);
  return folder + "/apply.log";
}

Result<UniqueFd> open_log(const std::string& path) {
  UniqueFd log(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!log.valid()) return no_log(path);
  if (::lseek(log.get(), 0, SEEK_END) > kMostLog && ::ftruncate(log.get(), 0) != 0) return no_log(path);
  return log;
}

// What is to be applied, and the options of its push.
struct Wanted {
  RefUpdate update;
  std::vector<std::string> options;
};

// What the branch has now, which is not what the options were for when somebody has pushed meanwhile. What
// is applied needs nobody to make it good any more.
Result<int> apply_newest(const GlobalOptions& global, PlanOptions plan, const Wanted& wanted) {
  OVL_TRY(const auto repository, need_repository(plan.repo));
  OVL_TRY(const Commit tip, repository->commit(plan.ref));
  if (tip.id == wanted.update.after) {
    OVL_TRY(const PushWishes wishes, push_wishes(wanted.options, true, plan));
    static_cast<void>(wishes);
  }
  plan.ref = tip.id;
  plan.host_side = true;
  plan.auto_approve = true;
  plan.by_itself = true;
  const ApplyEnd end = apply_to_end(global, plan);
  if (end.is_applied) drop_taken(*repository, tip.id);
  return end.code;
}

// Ends here, in a process of its own: nothing of the push waits for it, and pushes apply one by one. What
// the branch has when its turn comes is what counts, so a newer push overtakes.
[[noreturn]] void apply_apart(const GlobalOptions& global, const PlanOptions& plan, const Wanted& wanted,
                              const UniqueFd& log) {
  ::setsid();
  const UniqueFd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  ::dup2(nothing.get(), STDIN_FILENO);
  ::dup2(log.get(), STDOUT_FILENO);
  ::dup2(log.get(), STDERR_FILENO);
  // git waits until nobody has its ends of the pipes any more.
  ::syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0U);
  const std::string turn = plan.repo + "/ovl/apply.lock";
  const UniqueFd lock(::open(turn.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  listen_for_interrupts();
  // Who is told to end while it waits ends at once: it has nothing yet, and its push is noted.
  while (::flock(lock.get(), LOCK_EX) != 0 && errno == EINTR) {
  }
  const auto done = apply_newest(global, plan, wanted);
  const int code = done.ok() ? done.value() : report_error(done.error());
  std::cout.flush();
  ::_exit(code);
}

// Shows what the log gets until the process ends or the time is over; answers its exit code, or none.
class Follower {
 public:
  Follower(pid_t process, const UniqueFd& log, off_t from) : process_(process), log_(log), at_(from) {}

  // None also when this process is told to end.
  std::optional<int> follow(milliseconds time) {
    const auto end = steady_clock::now() + time;
    const UniqueFd ended(static_cast<int>(::syscall(SYS_pidfd_open, process_, 0)));
    while (steady_clock::now() < end && !interrupted()) {
      pollfd entry{.fd = ended.get(), .events = POLLIN, .revents = 0};
      const bool over = ::poll(&entry, 1, static_cast<int>(kPause.count())) > 0;
      show();
      if (over) return status();
    }
    return std::nullopt;
  }

 private:
  void show() {
    std::array<char, 4096> buffer{};
    for (ssize_t got = 0; (got = ::pread(log_.get(), buffer.data(), buffer.size(), at_)) > 0; at_ += got) {
      std::cout.write(buffer.data(), got);
    }
    std::cout.flush();
  }

  [[nodiscard]] int status() const {
    int status = 0;
    if (::waitpid(process_, &status, 0) != process_) return kExitError;
    return WIFEXITED(status) ? WEXITSTATUS(status) : kExitError;
  }

  pid_t process_;
  const UniqueFd& log_;
  off_t at_;
};

// Notes what was pushed, before anything can go wrong with it, or finds what was pushed before and never
// applied, with the options that it had.
Result<std::optional<Wanted>> wanted_update(const PlanOptions& plan, const std::vector<RefUpdate>& updates,
                                            std::vector<std::string> options) {
  const RefUpdate* update = followed(updates, plan);
  if (update != nullptr && is_no_commit(update->after)) return std::optional<Wanted>();
  OVL_CHECK(make_taken_folder(plan.repo));
  if (update != nullptr) {
    OVL_CHECK(note_taken(plan.repo, *update, options));
    return std::optional(Wanted{*update, std::move(options)});
  }
  OVL_TRY(const auto repository, need_repository(plan.repo));
  auto taken = find_taken(*repository, plan.ref);
  if (!taken) return std::optional<Wanted>();
  say(fmt::format("{}: {} was taken and never applied; it is now", plan.ref, taken->words()));
  return std::optional(
      Wanted{{.before = taken->before, .after = taken->commit, .ref = plan.ref}, std::move(taken->options)});
}

Result<int> apply_push(const GlobalOptions& global, PlanOptions plan, const HookOptions& hook,
                       const std::vector<RefUpdate>& updates) {
  PlanOptions checked = plan;
  auto wishes = push_wishes(hook.environment.push_options, hook.trust_push_options, checked);
  OVL_TRY(auto wanted,
          wanted_update(plan, updates, wishes.ok() ? wishes.value().lasting : std::vector<std::string>()));
  if (!wanted) return kExitDone;
  if (!hook.trust_push_options) wanted->options.clear();
  // Where no pre-receive has refused it, the push is taken, and nothing more is done by it.
  if (!wishes.ok()) return std::move(wishes).error();
  if (wishes.value().dry_run) {
    say("a dry run: the push is taken, as no pre-receive hook holds it, and not applied");
    return kExitDone;
  }
  for (const std::string& place : {global.state_directory, plan.repo + "/ovl"}) {
    const auto suspended = read_suspension(place);
    if (!suspended) continue;
    say(suspended->words() + ": the push is taken and not applied");
    return kExitDone;
  }
  OVL_CHECK(hold_cluster(wanted->update, plan));
  OVL_TRY(const milliseconds wait, parse_duration("--wait", hook.wait));
  OVL_TRY(const std::string path, log_path(plan));
  OVL_TRY(const UniqueFd log, open_log(path));
  const off_t from = ::lseek(log.get(), 0, SEEK_END);
  std::cout.flush();
  const pid_t process = ::fork();
  if (process < 0) return Error{.code = Errc::io, .message = "no process for the apply", .os_errno = errno};
  if (process == 0) apply_apart(global, plan, *wanted, log);
  listen_for_interrupts();
  const auto code = Follower(process, log, from).follow(wait);
  if (code) return *code;
  if (interrupted()) {
    return Error{
        .code = Errc::interrupted,
        .message = fmt::format("interrupted: the push is taken, and its apply goes on, see {}", path)};
  }
  say(fmt::format("still applying; it goes on, see {}", path));
  return kExitDone;
}

}  // namespace

int run_pre_receive(const GlobalOptions& global, PlanOptions plan, const HookOptions& hook,
                    const std::vector<RefUpdate>& updates) {
  const auto code = guard_push(global, std::move(plan), hook, updates);
  return code.ok() ? code.value() : report_error(code.error());
}

int run_post_receive(const GlobalOptions& global, const PlanOptions& plan, const HookOptions& hook,
                     const std::vector<RefUpdate>& updates) {
  const auto code = apply_push(global, plan, hook, updates);
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace ovl
