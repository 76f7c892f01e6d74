// ovl sync: fetch, verify, plan, apply, once or again and again. What a repository or a store that can't be
// reached costs is time: nothing is removed meanwhile.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "cmd/base/exit.hpp"
#include "cmd/base/interrupt.hpp"
#include "cmd/session/context.hpp"
#include "cmd/session/keeping.hpp"
#include "cmd/session/left.hpp"
#include "cmd/session/taken.hpp"
#include "cmd/verbs/rollback.hpp"
#include "cmd/verbs/verbs.hpp"
#include "drivers/git/fetch.hpp"
#include "reconcile/base/ids.hpp"
#include "reconcile/cluster/recall.hpp"

namespace ovl {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// The same revision is tried again ever later, a new one at once; what will pass by itself is not waited for
// as long as what somebody has to mend.
constexpr milliseconds kLastRetryOfLasting{300'000};
constexpr milliseconds kLastRetryOfPassing{15'000};

// Fetches when there is something to fetch from, and answers what is to be applied.
class Remote {
 public:
  Remote(const GlobalOptions& global, const PlanOptions& given) : plan_(given) {
    plan_.unattended = true;
    std::error_code error;
    // Absolute: the name of the mirror is made from it, and a service may be started from another folder next
    // time.
    const std::string url = given.repo.empty() || is_remote(given.repo)
                                ? given.repo
                                : std::filesystem::absolute(given.repo, error).string();
    // A host that follows the records goes on with the cluster that its state is of.
    if (!url.empty() || given.scope != "host") plan_.cluster_file = cluster_file(global, given, url);
    if (url.empty()) return;
    fetch_ =
        FetchOptions{.url = url,
                     .ref = given.ref.empty() ? "HEAD" : given.ref,
                     .stop_fd = interrupt_fd(),
                     // Named by a digest: a URL has slashes and may be longer than a file's name.
                     .mirror = fmt::format("{}/sync/{:.16}.git", global.state_directory, sha256_hex(url))};
  }

  [[nodiscard]] const PlanOptions& given() const { return plan_; }

  // What is followed, in words.
  [[nodiscard]] std::string words() const {
    if (!fetch_.url.empty()) return fmt::format("{} of {}", fetch_.ref, fetch_.url);
    return plan_.scope == "host" ? "the cluster's records" : "the files here";
  }

  // Without a repository: what was asked for.
  Result<PlanOptions> bring() {
    if (fetch_.url.empty()) return plan_;
    // Into a mirror of our own and not by reading the repository in place: its configuration, hooks and
    // alternates are whose the repository is, and git obeys them.
    OVL_CHECK(fetch(fetch_));
    OVL_TRY(const auto repository, need_repository(fetch_.mirror));
    OVL_TRY(const Commit commit, repository->commit(kFetchedRef));
    PlanOptions out = plan_;
    out.repo = fetch_.mirror;
    // The id and not the ref: what is planned and what is applied is one commit, also when the next fetch
    // moves it.
    out.ref = commit.id;
    // A repository is what others push to. Where this host connects, and which cluster it follows, is not
    // theirs to say.
    out.host_side = true;
    return out;
  }

 private:
  // What is followed has a name of its own: one repository may hold several clusters. Without a repository
  // the folder stands for it.
  static std::string cluster_file(const GlobalOptions& global, const PlanOptions& given,
                                  const std::string& url) {
    std::error_code error;
    const std::string beside = url.empty() ? std::filesystem::current_path(error).string() : url;
    const std::string followed = fmt::format("{}\n{}\n{}", beside, given.ref, given.path);
    return fmt::format("{}/sync/{:.16}.cluster", global.state_directory, sha256_hex(followed));
  }

  PlanOptions plan_;
  FetchOptions fetch_;
};

// A push whose post-receive was killed is no more waiting. Cheap where there are no notes.
void tell_made_good(const PlanOptions& given, const PlanOptions& applied) {
  if (given.repo.empty()) return;
  const auto taken = made_good(given.repo, applied.ref);
  if (taken) say_line(fmt::format("{} was taken there and never applied; it is now", taken->words()));
}

Context::Needs needs_of(const PlanOptions& plan) {
  return {.manifest = plan.scope != "host", .source = true, .policy = true, .writable = true};
}

class Syncer {
 public:
  Syncer(const GlobalOptions& global, Remote& remote, milliseconds interval, Presence presence)
      : global_(global),
        remote_(remote),
        interval_(interval),
        presence_(std::move(presence)),
        suspended_(global.state_directory) {}

  void run() {
    say_line(fmt::format("following {}", remote_.words()));
    while (!interrupted()) {
      // From the beginning of a round: a slow one does not make the interval longer.
      const auto next = steady_clock::now() + interval_;
      // Nothing is fetched meanwhile either. The presence goes on and says who suspended it: a host that
      // somebody works on is not a host that is gone.
      if (suspended_.holds()) {
        manager_.ready();
        manager_.status("suspended");
      } else {
        round();
      }
      show();
      // An interval may be hours: the presence and the watchdog want to hear of this process in between.
      while (!interrupted() && steady_clock::now() < next) {
        manager_.alive();
        const auto left = std::chrono::ceil<milliseconds>(next - steady_clock::now());
        wait_for_interrupt(std::min({left, presence_.heartbeat(), manager_.patience()}));
        show();
      }
    }
    manager_.stopping();
  }

 private:
  void round() {
    auto brought = remote_.bring();
    if (!brought.ok()) {
      // Without a commit: none was brought.
      tell_others({}, brought.error());
      return tell(brought.error());
    }
    const PlanOptions plan = std::move(brought).value();
    const bool is_new = plan.ref != revision_;
    // The same revision, and it failed a short while ago.
    if (!is_new && steady_clock::now() < not_before_) return;
    // Somebody has pushed a remedy, maybe: the patience with the old revision is not the new one's.
    if (is_new) retry_ = milliseconds(0);
    revision_ = plan.ref;
    const Status done = apply_revision(plan, is_new);
    wait_longer(done);
    // Where the store is what fails, it can't be told.
    if (!done.ok() && lasts(done.error().code)) {
      tell_others(plan.repo.empty() ? std::string() : plan.ref, done.error());
    }
    tell(done);
  }

  void tell_others(const std::string& commit, const Error& error) {
    if (interrupted()) return;
    // A manifest that can't be read leaves no context, but the host is known from its last apply, and that is
    // where others look for why it is behind.
    if (!presence_.place().has_applied) find_place();
    static_cast<void>(presence_.place().tell_failure(commit, error).ok());
  }

  // Without a context. Before anything was applied here there is none that is known.
  void find_place() {
    if (remote_.given().scope == "cluster") return;
    auto was = HostInStore::as_it_was(global_, remote_.given());
    if (was.ok()) presence_.show_in(std::move(was).value());
  }

  // Whatever the last apply came to. What does not work is tried again at the next heartbeat.
  void show() {
    if (interrupted() || steady_clock::now() < show_again_) return;
    if (presence_.place().store == nullptr) find_place();
    // Asked for its words: they are part of what the presence says.
    suspended_.holds();
    const bool shown = presence_.place().store != nullptr && presence_.keep(suspended_.words()).ok();
    if (!shown) show_again_ = steady_clock::now() + presence_.heartbeat();
  }

  Status apply_revision(const PlanOptions& plan, bool is_new) {
    OVL_TRY(const bool stands, reads_host_again(plan, is_new));
    if (!stands) {
      // The old one ends before the next one is opened: both would hold the store, with a session each, and
      // the mirror.
      context_.reset();
      OVL_TRY(Context context, Context::open(global_, plan, needs_of(plan)));
      context_ = std::make_unique<Context>(std::move(context));
      if (!plan.ref.empty() && is_new) {
        say_line(fmt::format("commit {:.12} of {}", plan.ref, context_->request().origin.author));
      }
    }
    OVL_CHECK(check_rolled_back(*context_));
    // A host that follows the records keeps to the last good ones while the store is away. Presence before
    // the apply: who waits for this host sees that it is at work, and not absent, while a long apply runs.
    Status there = context_->world().kernel != nullptr ? show_in_context() : Status();
    // Only who follows the records has last good ones to stand in; a sync that writes records needs the
    // store.
    const bool alone = plan.scope == "host" && !there.ok() && is_away(there.error(), context_->access().url);
    if (!there.ok() && !alone) return there;
    if (!alone) OVL_CHECK(tell_reached());
    OVL_TRY(const auto applied, apply_unasked(*context_, global_, warnings_, manager_));
    left_.tell(applied.left);
    // Only after the apply: a note is gone when what it says is done.
    tell_made_good(remote_.given(), plan);
    return {};
  }

  Status show_in_context() {
    OVL_CHECK(context_->reach_store());
    OVL_TRY(HostInStore place, HostInStore::in(*context_));
    presence_.show_in(std::move(place));
    return presence_.keep(suspended_.words());
  }

  // What the host says counts as of now: its policy, who may sign, its keystore's address and secrets.
  // False: there has to be another context.
  Result<bool> reads_host_again(const PlanOptions& plan, bool is_new) {
    if (is_new || !context_) return false;
    return context_->refresh(global_, plan);
  }

  void wait_longer(const Status& done) {
    // Twice as long each time and never less than the interval, which a person chose.
    retry_ = done.ok() ? milliseconds(0)
                       : std::min(std::max(retry_ * 2, interval_), last_retry(done.error().code));
    not_before_ = steady_clock::now() + retry_;
    // Whatever failed may be something that the context holds: a connection, a policy, a name.
    if (!done.ok()) context_.reset();
  }

  static milliseconds last_retry(Errc code) {
    const bool passes =
        code == Errc::unreachable || code == Errc::in_doubt || code == Errc::locked || code == Errc::stale;
    return passes ? kLastRetryOfPassing : kLastRetryOfLasting;
  }

  void tell(const Status& status) {
    if (status.ok()) return trouble_.well();
    trouble_.tell(status.error());
    manager_.status(status.error().message);
  }

  // Once; that it is there again is told as the end of trouble.
  Status tell_reached() {
    if (is_reached_) return {};
    const StoreLayout layout(context_->request().cluster);
    // A read, as drivers connect when they are asked first: without it "connected" would be said of a store
    // that is away.
    OVL_CHECK(context_->world().keystore->get(layout.head()));
    say_line("connected to " + context_->access().url);
    is_reached_ = true;
    return {};
  }

  const GlobalOptions& global_;
  Remote& remote_;
  milliseconds interval_;
  std::unique_ptr<Context> context_;
  Presence presence_;
  SuspensionWatch suspended_;
  std::string revision_;
  TroubleTeller trouble_;
  bool is_reached_ = false;  // the store has answered once
  LeftTeller left_;
  WarningTeller warnings_;
  ServiceManager manager_{service_place()};
  milliseconds retry_{0};
  steady_clock::time_point not_before_;
  steady_clock::time_point show_again_;
};

Result<int> sync_once(const GlobalOptions& global, const PlanOptions& given) {
  listen_for_interrupts();
  // No failure: who runs it from a timer suspended it on purpose, and wants no alarm.
  if (SuspensionWatch(global.state_directory).holds()) return kExitDone;
  OVL_TRY(PlanOptions plan, Remote(global, given).bring());
  plan.auto_approve = true;
  plan.by_itself = true;
  const ApplyEnd end = apply_to_end(global, plan);
  // Not by the exit code: an apply that left a part of this host as it is has one of its own, and the push is
  // applied.
  if (end.is_applied) tell_made_good(given, plan);
  return end.code;
}

Result<int> sync(const GlobalOptions& global, const PlanOptions& given, const SyncOptions& options) {
  if (options.interval.empty()) return sync_once(global, given);
  OVL_TRY(const milliseconds interval, parse_duration("--interval", options.interval));
  OVL_TRY(const milliseconds heartbeat, parse_duration("--heartbeat", options.heartbeat));
  OVL_TRY(const milliseconds ttl, parse_duration("--ttl", options.ttl));
  if (interval.count() <= 0 || heartbeat.count() <= 0 || ttl < heartbeat * 2) {
    return Error{.code = Errc::usage,
                 .message = "--interval must be more than nothing, and --ttl at least twice --heartbeat",
                 .hint = "like --interval 30s"};
  }
  listen_for_interrupts();
  Remote remote(global, given);
  Syncer(global, remote, interval, Presence(heartbeat, std::chrono::ceil<std::chrono::seconds>(ttl))).run();
  say_line("told to end");
  return kExitDone;
}

}  // namespace

int run_sync(const GlobalOptions& global, const PlanOptions& options, const SyncOptions& sync_options) {
  // What git obeys is in the mirror: nobody else may write there, whatever the umask was. umask(2) can't be
  // asked without being set; no thread runs yet that could make a file in between.
  ::umask(::umask(0) | (S_IWGRP | S_IWOTH));
  const auto code = sync(global, options, sync_options);
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace ovl
