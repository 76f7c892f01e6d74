#include "reconcile/run/apply.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "reconcile/base/ids.hpp"
#include "reconcile/cluster/write.hpp"
#include "reconcile/host/make.hpp"
#include "reconcile/run/remember.hpp"
#include "reconcile/run/undone.hpp"

namespace ovl {

namespace {

constexpr std::string_view kNothingYet = "nothing was changed";

Error error_of(const Finding& finding) {
  return Error{.code = finding.code,
               .message = fmt::format("{}: {}", finding.subject, finding.message),
               .hint = finding.hint};
}

Error problems_of(const Draft& draft) {
  return Error{
      .code = Errc::manifest, .message = draft.problems.front().message, .hint = draft.problems.front().hint};
}

// What nobody's approval helps against. A conflict of one part freezes it; who takes something over has asked
// for just that.
Status check_findings(const Task& task, const Plan& plan) {
  if (!plan.refused.empty()) return error_of(plan.refused.front());
  for (const Finding& conflict : plan.conflicts) {
    if (conflict.part.empty() || !task.adopt.empty()) return error_of(conflict);
  }
  return {};
}

bool is_at_rest(const Task& task, const Planned& planned) {
  return planned.plan.empty() && check_findings(task, planned.plan).ok();
}

bool wants_approval(const Task& task, const Planned& planned) {
  if (!is_at_rest(task, planned)) return true;
  // That the same files are now of another commit changes nothing that anybody could say no to.
  return writes_records(planned.cluster, planned.draft) &&
         (!planned.draft.takes_source || planned.cluster.puts_back);
}

// One apply, from its request to what it came to.
class Apply {
 public:
  Apply(const Request& request, World& world, const Approve& approve, const Progress& progress)
      : request_(request), world_(world), approve_(approve), progress_(progress) {}

  Result<Applied> run() {
    if (request_.asks) OVL_CHECK(ask_unlocked());
    OVL_CHECK(request_.lock_host());
    OVL_TRY(planned_, make_plan(request_, world_));
    Status done = carry_out();
    if (!done.ok()) {
      report_failure(request_, world_, planned_, done.error());
      return std::move(done).error();
    }
    return concluded();
  }

 private:
  // A person thinks, and nothing is locked.
  Status ask_unlocked() {
    OVL_TRY(const Planned planned, make_plan(request_, world_));
    OVL_CHECK(progress_.go_on("approve", kNothingYet));
    OVL_CHECK(request_.check(planned));
    if (!planned.draft.problems.empty()) return problems_of(planned.draft);
    return wants_approval(request_, planned) ? approve_(planned.plan) : Status();
  }

  Status carry_out() {
    OVL_CHECK(progress_.go_on("lock the cluster", kNothingYet));
    OVL_CHECK(lock_for_writing());
    OVL_CHECK(progress_.go_on("approve", kNothingYet));
    if (planned_.has_host()) OVL_CHECK(note_away(world_, planned_));
    OVL_CHECK(request_.check(planned_));
    if (!planned_.draft.problems.empty()) return problems_of(planned_.draft);
    OVL_CHECK(take_course());
    return lock_ ? lock_->release() : Status();
  }

  Status take_course() {
    if (request_.refresh_only) return tell_what_is();
    const bool rests = is_at_rest(request_, planned_) && !lock_;
    if (!rests) OVL_CHECK(get_leave());
    OVL_CHECK(request_.before_writing());
    if (request_.scope == Scope::host && request_.destroy) return rests ? Status() : remove();
    OVL_CHECK(rests ? stand() : change());
    const bool follows = request_.scope == Scope::host || !planned_.plan.object_changes.empty();
    return planned_.has_host() && follows ? tighten_filter() : Status();
  }

  // The lock, when records are to be written. What was planned before it counts as long as what it was made
  // from still stands; else it is planned again.
  Status lock_for_writing() {
    if (!writes_records(planned_.cluster, planned_.draft)) return {};
    OVL_TRY(lock_, lock_store(request_, world_));
    OVL_TRY(const bool stands, still_stands());
    if (stands) return {};
    OVL_TRY(planned_, make_plan(request_, world_));
    if (writes_records(planned_.cluster, planned_.draft)) return {};
    OVL_CHECK(lock_->release());
    lock_.reset();
    return {};
  }

  Result<bool> still_stands() {
    const StoreLayout layout(request_.cluster);
    OVL_TRY(const Snapshot now, world_.keystore->read(layout.tree()));
    return Fingerprint(now, layout, planned_.plan.host) ==
           Fingerprint(planned_.cluster.view, layout, planned_.plan.host);
  }

  Status get_leave() {
    if (!request_.asks && wants_approval(request_, planned_)) OVL_CHECK(approve_(planned_.plan));
    OVL_CHECK(tell_of_refused_vtep());
    return check_findings(request_, planned_.plan);
  }

  // Who is refused for an address that another host holds says all the same that it has it: it has its own no
  // longer, and that may be the one that the other one has now.
  Status tell_of_refused_vtep() {
    const bool taken = std::ranges::any_of(
        planned_.plan.refused, [](const Finding& finding) { return finding.id.text() == "vtep-taken"; });
    return taken ? publish_own_facts(request_, world_, planned_.cluster, planned_.own) : Status();
  }

  // Facts and status, and nothing else.
  Status tell_what_is() {
    OVL_CHECK(request_.before_writing());
    OVL_CHECK(publish_own_facts(request_, world_, planned_.cluster, planned_.own));
    OVL_CHECK(report_drift(request_, world_, planned_));
    return planned_.has_host() ? Status()
                               : keep_what_was_written(request_, world_, planned_.cluster, planned_.draft);
  }

  // Nothing differs. What others, or this host's own memory, do not know yet is told all the same.
  Status stand() {
    OVL_CHECK(publish_own_facts(request_, world_, planned_.cluster, planned_.own));
    if (keeps_apart()) OVL_CHECK(keep_what_was_written(request_, world_, planned_.cluster, planned_.draft));
    if (!planned_.has_host()) return {};
    OVL_TRY(const bool known, is_kept_and_reported(request_, world_, planned_));
    if (!known) {
      OVL_CHECK(world_.state->back_up());
      OVL_CHECK(keep_and_report(request_, world_, planned_, random_id()));
    }
    return confirm_state(world_, planned_);
  }

  Status change() {
    // As the state was before this apply, for who finds it damaged.
    if (planned_.has_host()) OVL_CHECK(world_.state->back_up());
    const std::string apply_id = random_id();
    OVL_CHECK(progress_.go_on("publish facts", kNothingYet));
    OVL_CHECK(publish_own_facts(request_, world_, planned_.cluster, planned_.own));
    if (lock_) {
      OVL_CHECK(write(request_, world_, planned_.cluster, planned_.draft, *lock_, apply_id, progress_));
      if (keeps_apart()) OVL_CHECK(keep_what_was_written(request_, world_, planned_.cluster, planned_.draft));
    }
    return planned_.has_host() ? change_host(apply_id) : Status();
  }

  Status change_host(const std::string& apply_id) {
    // The records are written: a lock that is lost now costs nothing but its courtesy, and a store that
    // fails is not waited for with each step.
    bool holds = lock_.has_value();
    const Progress step{[&](const StepProgress& now) {
                          holds = holds && lock_->keep_alive().ok();
                          progress_.tell(now);
                        },
                        progress_.stop};
    OVL_CHECK(make_reachable(request_, world_, planned_, apply_id, step));
    OVL_CHECK(verified());
    OVL_CHECK(publish_what_came_true(request_, world_, planned_.cluster, planned_.own));
    return keep_and_report(request_, world_, planned_, apply_id);
  }

  Status remove() {
    OVL_CHECK(world_.state->back_up());
    const std::string apply_id = random_id();
    OVL_CHECK(make(request_, world_, planned_, apply_id, progress_));
    OVL_CHECK(verified());
    return keep_removal(request_, world_, planned_, apply_id);
  }

  Status verified() {
    OVL_CHECK(progress_.go_on("verify", "all is written, and not verified; apply again to go on"));
    progress_.start("verify", 0);
    OVL_CHECK(verify(request_, world_, planned_));
    progress_.complete("verify", 0);
    return {};
  }

  Status tighten_filter() {
    OVL_TRY(const bool stricter, tighten(request_, world_, planned_));
    // With what others have said, so that it still counts when the store is lost.
    return stricter && planned_.cluster.view.head
               ? keep_records(*world_.state, request_, world_, planned_.cluster, planned_.draft)
               : Status();
  }

  // Whoever writes records keeps them: a host's state has only those that it stands at.
  [[nodiscard]] bool keeps_apart() const { return !planned_.has_host() || planned_.plan.partial; }

  Result<Applied> concluded() {
    Applied out;
    planned_.plan.undone =
        request_.scope == Scope::host ? undone_of_following(planned_) : undone_of_change(planned_);
    if (request_.refresh_only) planned_.plan.undone.unsaid = false;
    out.left = left_as_it_is(planned_);
    out.serial = planned_.cluster.view.head ? planned_.cluster.view.head->serial : 0;
    out.writes = world_.kernel != nullptr ? world_.kernel->writes() : 0;
    out.planned = std::move(planned_);
    return out;
  }

  const Request& request_;
  World& world_;
  const Approve& approve_;
  const Progress& progress_;
  Planned planned_;
  std::optional<StoreLock> lock_;
};

}  // namespace

Result<Applied> apply(const Request& request, World& world, const Approve& approve,
                      const Progress& progress) {
  const Progress told{.tell = progress.tell, .stop = world.stop};
  auto applied = Apply(request, world, approve, told).run();
  if (applied.ok()) return applied;
  const Errc code = applied.error().code;
  const bool waited = code == Errc::unreachable || code == Errc::in_doubt || code == Errc::locked;
  if (!waited || !world.stop()) return applied;
  // The user did not wait for that answer to the end.
  return Error{.code = Errc::interrupted, .message = "interrupted: " + applied.error().message};
}

}  // namespace ovl
