#include "reconcile/host/make.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "reconcile/host/execute_objects.hpp"
#include "reconcile/host/host_status.hpp"
#include "reconcile/host/lock_out.hpp"
#include "reconcile/objects/made_here.hpp"
#include "reconcile/words/counted.hpp"

namespace ovl {

namespace {

// What stands in the way in a part since it was made, and what of it differs again, freezes that part.
void freeze_restless(Plan& again, Planned& planned) {
  for (const Finding& conflict : again.conflicts) {
    const auto is_known = [&](const Finding& other) { return other.part == conflict.part; };
    if (conflict.part.empty() || std::ranges::any_of(left_as_it_is(planned), is_known)) continue;
    planned.failed.push_back(conflict);
  }
  for (const NetnsName& space : again.frozen) planned.frozen.add(space);
  for (Finding& finding : blame(again, planned.frozen)) planned.failed.push_back(std::move(finding));
  freeze(again, planned.frozen);
  freeze(planned.plan, planned.frozen);
}

std::string still_differ(std::uint64_t count) {
  return fmt::format("after the apply {} still {}", counted(count, "object"),
                     count == 1 ? "differs" : "differ");
}

Status change_filter(const Task& task, World& world, const Planned& planned) {
  const Answering before = ask_around(task, world, planned);
  const ObjectChange& change = planned.plan.object_changes.front();
  const Operation operation{
      .netns = &planned.plan.spaces.front(), .before = change.before, .after = change.after};
  ApplyOutcome outcome = world.kernel->apply(std::span(&operation, 1));
  if (outcome.error) return std::move(*outcome.error);
  return check_answering(before, task, world, planned);
}

}  // namespace

Status make(const Task& task, World& world, Planned& planned, const std::string& apply_id,
            const Progress& progress) {
  Freezer freezer(planned.plan);
  // Who takes something over has asked for just that.
  Freezer* const one_by_one = task.adopt.empty() ? &freezer : nullptr;
  OVL_CHECK(execute_objects(planned.plan, *world.kernel, *world.state, apply_id, progress, one_by_one));
  planned.failed = freezer.failures();
  planned.frozen = freezer.parts();
  for (const NetnsName& space : planned.plan.frozen) planned.frozen.add(space);
  freeze(planned.plan, planned.frozen);
  return {};
}

Status make_reachable(const Task& task, World& world, Planned& planned, const std::string& apply_id,
                      const Progress& progress) {
  const Answering before = ask_around(task, world, planned);
  OVL_CHECK(make(task, world, planned, apply_id, progress));
  return check_answering(before, task, world, planned);
}

Status verify(const Task& task, World& world, Planned& planned) {
  Task once = task;
  once.replaces.clear();  // what was to be made anew has been
  OVL_TRY(Plan again, compare_again(once, world, planned));
  OVL_CHECK(remember_births(again.observed, again.cluster, *world.state));
  say_what_holds(again.observed, task, planned.draft.desired, planned.cluster, planned.own);
  freeze(again, planned.frozen);
  if (task.adopt.empty()) freeze_restless(again, planned);
  planned.still_left = left_objects(again);
  if (again.empty()) return {};
  const PlanCounts counts = count(again);
  return Error{.code = Errc::verify,
               .message = still_differ(counts.create + counts.update + counts.replace + counts.remove),
               .hint = "see them with: ovl plan"};
}

Result<bool> tighten(const Task& task, World& world, Planned& planned) {
  const bool doubtful = planned.cluster.away || !planned.cluster.view.refused.empty();
  if (!planned.stricter || doubtful || planned.plan.partial) return false;
  const NamespaceObjects* host = planned.plan.observed.find(NetnsName());
  const auto at = std::ranges::find(host->nft_tables, planned.stricter->key(), &NftTable::key);
  const ObjectChange change{.action = Action::update, .before = &*at, .after = &*planned.stricter};
  // The plan that is shown stays what it is.
  auto spaces = std::exchange(planned.plan.spaces, {NetnsName()});
  auto changes = std::exchange(planned.plan.object_changes, {change});
  Status done = change_filter(task, world, planned);
  planned.plan.spaces = std::move(spaces);
  planned.plan.object_changes = std::move(changes);
  OVL_CHECK(std::move(done));
  planned.stricter.reset();
  return true;
}

}  // namespace ovl
