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

// The log of applies begins anew when it is larger. A hub is pushed to for years, and logrotate does not know
// of it.
constexpr off_t kMostLog = off_t{1} << 20;
// How often a waiting push looks for more to show. Short for who watches a push. The end of the apply wakes
// the wait at once; only its words have to be looked for, as a file can't be polled.
constexpr milliseconds kPause{50};

void say(const std::string& text) {
  std::cout << "ovl: " << printable(text) << "\n" << std::flush;
}

// What is pushed to the branch that the cluster follows; none: nothing is. Of two names of one branch git
// takes only the same commit (receive-pack.c, check_aliased_updates()), so the first will do.
const RefUpdate* followed(const std::vector<RefUpdate>& updates, const PlanOptions& plan) {
  const auto found = std::ranges::find(updates, plan.ref, &RefUpdate::ref);
  return found != updates.end() ? &*found : nullptr;
}

// Who pushes a topic branch is told why nothing happens, instead of waiting for it.
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
    // Before trust is asked: an option for CI must not be refused by us.
    if (!option.starts_with(lead)) continue;
    // It asks for less than a push does, so that it needs no trust.
    if (option == "ovl.dry-run") {
      out.dry_run = true;
      continue;
    }
    // Refused and not ignored: who believes that his --max-destroy counts must not be told so by silence.
    if (!trusted) return untrusted(option);
    // They decide how the push is planned here and have to decide the same when it is applied, which is
    // another process, maybe after a crash: they go into the note.
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
  // The very first push has nothing before it: who installed the hook lets it begin with --new-cluster.
  if (!held.empty() || is_no_commit(update.before)) return {};
  OVL_TRY(const auto repository, need_repository(plan.repo));
  // From the commit that the branch had: it was taken before, and the new one is what is being judged.
  const auto before = read_revision(*repository, update.before, plan.path);
  if (before.ok()) plan.cluster = parse(before.value().files).manifest.cluster.value.text();
  return {};
}

Result<int> guard_push(const GlobalOptions& global, PlanOptions plan, const HookOptions& hook,
                       const std::vector<RefUpdate>& updates) {
  OVL_TRY(const PushWishes wishes, push_wishes(hook.environment.push_options, hook.trust_push_options, plan));
  tell_others(updates, plan);
  const RefUpdate* update = followed(updates, plan);
  // Not ours to refuse: other branches hold proposals, and are applied by nobody.
  if (update == nullptr) return kExitDone;
  // A deleted branch is a manifest that says nothing, by which everything would be removed.
  if (is_no_commit(update->after)) {
    return Error{.code = Errc::guard,
                 .message = fmt::format("{} is what the cluster follows, and stays", printable(plan.ref)),
                 .hint = "to remove everything, apply: ovl destroy"};
  }
  plan.host_side = true;
  OVL_CHECK(hold_cluster(*update, plan));
  plan.ref = update->after;
  // The pushed objects are not in the repository yet (git-receive-pack(1), QUARANTINE ENVIRONMENT): without
  // it the commit could not be read, and taking it in before it was judged is what the quarantine is for.
  plan.quarantine = hook.environment.quarantine;
  // A plan of all that an apply would do: what would be refused afterwards, when the branch already says it,
  // is refused here, with words at the pusher.
  const int code = run_plan_of_push(global, plan);
  if (code != kExitDone) return code;
  if (!wishes.dry_run) {
    // Before git moves the branch. If it never does, the note is of a commit that is on no branch, and is
    // dropped later; the other way round a crash in between would leave a branch that nobody knows to apply.
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
  // O_APPEND: the child of an earlier push may still write to it. O_NOFOLLOW: root's hook in another
  // account's repository writes where nobody has put a link.
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
  // Options were given for one commit. A rollback that was asked for must not take a newer push back too.
  if (tip.id == wanted.update.after) {
    OVL_TRY(const PushWishes wishes, push_wishes(wanted.options, true, plan));
    static_cast<void>(wishes);
  }
  // The id: from here on the branch may move, and the next in turn applies that.
  plan.ref = tip.id;
  plan.host_side = true;
  // Nobody is there who could be asked: who pushes was shown the plan by pre-receive, where it is installed.
  plan.auto_approve = true;
  plan.by_itself = true;
  const ApplyEnd end = apply_to_end(global, plan);
  // Not by the exit code: a part that was left as it is has one of its own, and would leave the push noted
  // for ever. All notes that the commit covers go: what was overtaken is applied with it.
  if (end.is_applied) drop_taken(*repository, tip.id);
  return end.code;
}

// Ends here, in a process of its own: nothing of the push waits for it, and pushes apply one by one. What
// the branch has when its turn comes is what counts, so a newer push overtakes.
[[noreturn]] void apply_apart(const GlobalOptions& global, const PlanOptions& plan, const Wanted& wanted,
                              const UniqueFd& log) {
  // A session of its own: a Ctrl-C or a hang-up at the terminal of who pushes to a folder on this machine
  // ends the push, and not an apply that has begun.
  ::setsid();
  const UniqueFd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  ::dup2(nothing.get(), STDIN_FILENO);
  ::dup2(log.get(), STDOUT_FILENO);
  ::dup2(log.get(), STDERR_FILENO);
  // git waits until nobody has its ends of the pipes any more.
  ::syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0U);
  const std::string turn = plan.repo + "/ovl/apply.lock";
  // flock(2) goes with the process, however that ends, so that no crash keeps the next push out.
  const UniqueFd lock(::open(turn.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  listen_for_interrupts();
  // Who is told to end while it waits ends at once: it has nothing yet, and its push is noted. Without an end
  // of its own: who waits here has a turn, and each apply before it ends by its own time-outs.
  while (::flock(lock.get(), LOCK_EX) != 0 && errno == EINTR) {
  }
  const auto done = apply_newest(global, plan, wanted);
  const int code = done.ok() ? done.value() : report_error(done.error());
  std::cout.flush();
  // Nothing of the parent is torn down twice.
  ::_exit(code);
}

// Shows what the log gets until the process ends or the time is over; answers its exit code, or none.
class Follower {
 public:
  Follower(pid_t process, const UniqueFd& log, off_t from) : process_(process), log_(log), at_(from) {}

  // None also when this process is told to end.
  std::optional<int> follow(milliseconds time) {
    const auto end = steady_clock::now() + time;
    // A descriptor and not SIGCHLD: it wakes the same poll(2), and no handler has to be put back. Where the
    // kernel has none the poll is a pause.
    const UniqueFd ended(static_cast<int>(::syscall(SYS_pidfd_open, process_, 0)));
    while (steady_clock::now() < end && !interrupted()) {
      pollfd entry{.fd = ended.get(), .events = POLLIN, .revents = 0};
      // First whether it is over and then what the log has: the other way round the last lines could be
      // missed.
      const bool over = ::poll(&entry, 1, static_cast<int>(kPause.count())) > 0;
      show();
      if (over) return status();
    }
    return std::nullopt;
  }

 private:
  void show() {
    std::array<char, 4096> buffer{};
    // pread(2): the descriptor's offset is shared with the child, which appends.
    for (ssize_t got = 0; (got = ::pread(log_.get(), buffer.data(), buffer.size(), at_)) > 0; at_ += got) {
      std::cout.write(buffer.data(), got);
    }
    std::cout.flush();
  }

  [[nodiscard]] int status() const {
    int status = 0;
    if (::waitpid(process_, &status, 0) != process_) return kExitError;
    // A killed apply is a failure to the one who pushed, and its note stays.
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
  // Where no pre-receive holds the branch it can be deleted. Nothing is removed for that.
  if (update != nullptr && is_no_commit(update->after)) return std::optional<Wanted>();
  OVL_CHECK(make_taken_folder(plan.repo));
  if (update != nullptr) {
    OVL_CHECK(note_taken(plan.repo, *update, options));
    return std::optional(Wanted{*update, std::move(options)});
  }
  OVL_TRY(const auto repository, need_repository(plan.repo));
  // A push of anything is a chance: also one of another branch finds what a crash has left.
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
  // A note may be from when the hook trusted them, or be written by somebody: what counts is what the hook
  // says now.
  if (!hook.trust_push_options) wanted->options.clear();
  // Where no pre-receive has refused it, the push is taken, and nothing more is done by it.
  if (!wishes.ok()) return std::move(wishes).error();
  if (wishes.value().dry_run) {
    say("a dry run: the push is taken, as no pre-receive hook holds it, and not applied");
    return kExitDone;
  }
  // The machine's and the repository's own. The note stays, so that the push is made good after `ovl resume`.
  for (const std::string& place : {global.state_directory, plan.repo + "/ovl"}) {
    const auto suspended = read_suspension(place);
    if (!suspended) continue;
    say(suspended->words() + ": the push is taken and not applied");
    return kExitDone;
  }
  // Here as in pre-receive: post-receive may be installed alone.
  OVL_CHECK(hold_cluster(wanted->update, plan));
  OVL_TRY(const milliseconds wait, parse_duration("--wait", hook.wait));
  OVL_TRY(const std::string path, log_path(plan));
  OVL_TRY(const UniqueFd log, open_log(path));
  // Before the fork, so that nothing of our apply is missed, and of earlier ones nothing is shown.
  const off_t from = ::lseek(log.get(), 0, SEEK_END);
  // What is in the buffer would be written by both processes.
  std::cout.flush();
  const pid_t process = ::fork();
  if (process < 0) return Error{.code = Errc::io, .message = "no process for the apply", .os_errno = errno};
  if (process == 0) apply_apart(global, plan, *wanted, log);
  // The parent from now on only watches: told to end, it says that the apply goes on.
  listen_for_interrupts();
  const auto code = Follower(process, log, from).follow(wait);
  if (code) return *code;
  if (interrupted()) {
    return Error{
        .code = Errc::interrupted,
        .message = fmt::format("interrupted: the push is taken, and its apply goes on, see {}", path)};
  }
  // No failure: the push is taken, and nothing has gone wrong.
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
