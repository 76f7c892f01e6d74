#include "reconcile/run/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "reconcile/cluster/guards.hpp"
#include "reconcile/cluster/lost_hosts.hpp"
#include "reconcile/cluster/read_cluster.hpp"
#include "reconcile/cluster/standing.hpp"
#include "reconcile/host/compare.hpp"
#include "reconcile/manifest/file_store.hpp"
#include "reconcile/objects/drift.hpp"
#include "reconcile/objects/held_by_pool.hpp"
#include "reconcile/run/predict.hpp"
#include "reconcile/run/undone.hpp"

namespace ovl {

namespace {

// ---- the plan as it begins, and its parts put into it ----------------------------------------------

Planned begin(const Request& request) {
  Planned out;
  Plan& plan = out.plan;
  plan.scope = request.scope;
  plan.cluster = request.cluster;
  if (request.scope != Scope::cluster) plan.host = request.host;
  plan.origin = request.origin;
  plan.destroy = request.destroy;
  plan.partial = !request.selection.all();
  plan.refresh_only = request.refresh_only;
  plan.environment = request.environment;
  return out;
}

template <class T>
void append(std::vector<T>& to, const std::vector<T>& what) {
  to.insert(to.end(), what.begin(), what.end());
}

void put_in(const Cluster& cluster, Plan& plan) {
  append(plan.warnings, cluster.warnings);
  append(plan.refused, cluster.refused);
  append(plan.waiting, cluster.waiting);
}

void put_in(const Draft& draft, Plan& plan) {
  append(plan.warnings, draft.warnings);
  append(plan.refused, draft.refused);
  append(plan.waiting, draft.waiting);
  plan.record_changes = draft.changes;
  plan.former_source = draft.former_source;
}

void put_in(Wish&& wish, Plan& plan) {
  plan.desired = std::move(wish.objects);
  plan.conflicts = std::move(wish.conflicts);
  append(plan.warnings, wish.warnings);
  append(plan.waiting, wish.waiting);
}

std::optional<Finding> dirty_source(const Task& task) {
  if (!task.dirty) return std::nullopt;
  return Finding{.code = Errc::conflict,
                 .id = "dirty-source",
                 .subject = task.origin.source,
                 .message = fmt::format("its files are not those of commit {:.12}", task.origin.commit),
                 .hint = "commit them, so that others can apply the same"};
}

std::optional<Finding> shallow_source(const Task& task) {
  if (!task.shallow) return std::nullopt;
  return Finding{.code = Errc::conflict,
                 .id = "shallow-source",
                 .subject = task.origin.source,
                 .message =
                     "this clone is shallow and does not know where its history begins: the files are taken "
                     "as they are, and no commit stands for them",
                 .hint = "git fetch --unshallow; in a pipeline: fetch-depth: 0"};
}

// A host alone writes no records: what its interface has now is told by whoever applies the manifest.
std::optional<Finding> address_untold(const Task& task, const Planned& planned) {
  if (!planned.own.facts) return std::nullopt;
  const HostRecord* record = planned.draft.desired.host(task.host);
  const auto address = untold_address(record, &*planned.own.facts);
  if (!address) return std::nullopt;
  return Finding{
      .code = Errc::conflict,
      .id = "address-untold",
      .subject = "host." + task.host.text(),
      .message = fmt::format("{} has {} now, and the record says {}: the other hosts send to that one, "
                             "and take nothing from the new one",
                             record->interface->view(), address->text(), record->advertise->text()),
      .hint = "apply the manifest, here or on another host: ovl apply"};
}

void warn(std::optional<Finding> warning, Plan& plan) {
  if (warning) plan.warnings.push_back(std::move(*warning));
}

// ---- a host ------------------------------------------------------------------------------------------

// Rules and other tables may lead the endpoints' traffic where this host's filter lets none of it out.
Result<std::optional<Finding>> way_out_elsewhere(const Task& task, World& world, const Planned& planned) {
  const auto& endpoints = planned.draft.desired.endpoints;
  const auto reaches_out = std::ranges::find_if(endpoints, [&](const EndpointRecord& endpoint) {
    return endpoint.host == task.host && endpoint.gateway_address;
  });
  if (!planned.own.facts || reaches_out == endpoints.end()) return std::optional<Finding>();
  const IfName bridge = IfName::from_kernel(kGatewayBridge);
  OVL_TRY(const auto way, world.kernel->way_out(bridge, *reaches_out->gateway_address));
  const std::vector<IfName>& uplinks = planned.own.facts->uplinks;
  if (!way || *way == bridge || std::ranges::find(uplinks, *way) != uplinks.end())
    return std::optional<Finding>();
  return std::optional(Finding{
      .code = Errc::conflict,
      .id = "way-out-elsewhere",
      .subject = "host." + task.host.text(),
      .message = fmt::format("what endpoints send out goes by {}, where none of it is let out: the main "
                             "table has no default route by it",
                             way->view()),
      .hint = fmt::format("give the main table a default route by {}, or let a rule lead what comes from "
                          "{} to another table",
                          way->view(), bridge.view())});
}

// An apply would not get as far as its lock, or forget at once what it has made.
void find_unusable_places(const Task& task, std::vector<Finding>& conflicts) {
  for (const std::string& message : task.unusable_places) {
    conflicts.push_back(Finding{.code = Errc::conflict,
                                .id = "unusable-place",
                                .subject = "host." + task.host.text(),
                                .message = message,
                                .hint = "make it a folder that root may write, or let ovl make it",
                                .part = {}});
  }
}

// What the records and this host's facts want of it.
Status wish_here(const Task& task, World& world, Planned& planned) {
  const Records& desired = planned.draft.desired;
  OVL_TRY(planned.full_ttl, find_full_ttl(task, world, desired, planned.cluster.view.facts));
  const WishInput in = input_for(task, planned);
  Wish wished = wish(in, desired, planned.cluster.view.facts);
  OVL_CHECK(leave_gateway(*world.state, task.host, desired, wished.conflicts));
  find_unusable_places(task, wished.conflicts);
  put_in(std::move(wished), planned.plan);
  OVL_TRY(auto elsewhere, way_out_elsewhere(task, world, planned));
  warn(std::move(elsewhere), planned.plan);
  OVL_CHECK(find_foreign_drops(task, world, desired, planned.cluster, planned.own));
  for (const ForeignDrop& drop : planned.own.drops) {
    if (drop.sure) planned.plan.warnings.push_back(finding_of(drop));
  }
  return {};
}

Status compare_here(const Task& task, World& world, Planned& planned) {
  OVL_TRY(planned.stricter, compare_planned(task, world, planned, planned.plan));
  say_what_holds(planned.plan.observed, task, planned.draft.desired, planned.cluster, planned.own);
  return {};
}

// Where nothing is known of what was applied last, nothing is called drift.
void tell_drift(const Task& task, const World& world, Planned& planned) {
  if (planned.plan.object_changes.empty()) return;
  const auto known = remember(*world.state);
  if (!known.ok() || known.value().lineage.empty()) return;
  const auto lost = recall_lost(*world.state);
  if (!lost.ok()) return;
  HostObjects applied =
      wish(input_for(task, planned, lost.value()), known.value().records, known.value().facts).objects;
  static_cast<void>(put_off_demands(applied, planned.plan.observed, planned.full_ttl.silent));
  mark_drift(applied, planned.plan);
}

Status plan_here(const Task& task, World& world, Planned& planned) {
  OVL_CHECK(wish_here(task, world, planned));
  OVL_CHECK(compare_here(task, world, planned));
  tell_drift(task, world, planned);
  return {};
}

// Nothing of ovl, wherever it is; of a part, what is left of it all the same.
Status plan_removal_here(const Task& task, World& world, Planned& planned) {
  planned.look = Look::everywhere;
  if (!task.selection.all()) OVL_CHECK(wish_here(task, world, planned));
  return compare_here(task, world, planned);
}

// ---- the four courses --------------------------------------------------------------------------------

Want want_of(const Request& request) {
  if (request.destroy) return Nothing();
  if (request.manifest != nullptr) return Declared{request.manifest};
  if (request.records != nullptr) return Again{request.records};
  if (!request.moves.empty()) return Renamed();
  return AsTheyAre();
}

// What whoever follows the records starts from.
Result<Planned> begin_following(const Request& request, World& world) {
  Planned planned = begin(request);
  OVL_TRY(planned.cluster, read_to_follow(request, world));
  OVL_CHECK(check_own_name(request, world, planned.cluster));
  OVL_CHECK(check_following(request, planned.cluster));
  OVL_TRY(planned.own, look_at_self_following(request, world, planned.cluster));
  put_in(planned.cluster, planned.plan);
  append(planned.plan.warnings, planned.own.warnings);
  planned.draft = stand_by(planned.cluster);
  return planned;
}

// The records change, and this host with them where it is one of the cluster's.
Result<Planned> plan_change(const Request& request, const Want& want, World& world) {
  Planned planned = begin(request);
  const bool here = planned.has_host();
  const bool removes = std::holds_alternative<Nothing>(want);
  if (!removes) warn(shallow_source(request), planned.plan);
  warn(dirty_source(request), planned.plan);
  OVL_TRY(planned.cluster, read_to_change(request, want, world));
  OVL_TRY(const auto descent, find_descent(request, planned.cluster));
  OVL_CHECK(check_change(request, planned.cluster, descent));
  if (here && !removes) {
    OVL_TRY(planned.own, look_at_self(request, world, planned.cluster));
  }
  put_in(planned.cluster, planned.plan);
  append(planned.plan.warnings, planned.own.warnings);
  OVL_TRY(const Surroundings around, surroundings(request, world, planned.cluster, planned.own));
  OVL_TRY(planned.draft, draft({.task = request,
                                .want = want,
                                .cluster = planned.cluster,
                                .around = around,
                                .descent = descent,
                                .now = world.now}));
  put_in(planned.draft, planned.plan);
  if (!planned.draft.problems.empty()) return planned;
  if (here && !removes) {
    warn(file_for_others(url_of(request.keystore_access), request.host, planned.draft.desired,
                         planned.cluster.view.facts),
         planned.plan);
  }
  if (!request.selection.all()) planned.realised = planned.cluster.view.records;
  if (here)
    OVL_CHECK(removes ? plan_removal_here(request, world, planned) : plan_here(request, world, planned));
  planned.plan.interruptions = predict(planned.plan, planned.draft.desired);
  planned.plan.undone = undone_of_change(planned);
  return planned;
}

// A host follows the records. What the store has lost it puts back.
Result<Planned> plan_following(const Request& request, World& world) {
  OVL_TRY(Planned planned, begin_following(request, world));
  if (planned.cluster.puts_back) {
    OVL_TRY(planned.draft, draft({.task = request,
                                  .want = AsTheyAre(),
                                  .cluster = planned.cluster,
                                  .around = {},
                                  .descent = {},
                                  .now = world.now}));
  }
  put_in(planned.draft, planned.plan);
  warn(address_untold(request, planned), planned.plan);
  if (!request.selection.all()) {
    OVL_TRY(Remembered known, remember(*world.state));
    planned.realised = std::move(known.records);
  }
  OVL_CHECK(plan_here(request, world, planned));
  planned.plan.interruptions = predict(planned.plan, planned.draft.desired);
  planned.plan.undone = undone_of_following(planned);
  return planned;
}

// A host removes all that ovl made here, with or without a store.
Result<Planned> plan_leaving(const Request& request, World& world) {
  Planned planned = begin(request);
  OVL_CHECK(plan_removal_here(request, world, planned));
  planned.plan.interruptions = predict(planned.plan, planned.draft.desired);
  planned.plan.undone = undone_of_following(planned);
  return planned;
}

// What differs on this host stays, and is told as drift.
Status look_here(const Task& task, World& world, Planned& planned) {
  OVL_CHECK(wish_here(task, world, planned));
  OVL_CHECK(compare_here(task, world, planned));
  planned.plan.drift = std::exchange(planned.plan.object_changes, {});
  return {};
}

Result<Planned> look_at_change(const Request& request, World& world) {
  Planned planned = begin(request);
  warn(shallow_source(request), planned.plan);
  warn(dirty_source(request), planned.plan);
  OVL_TRY(planned.cluster, read_to_change(request, AsTheyAre(), world));
  OVL_TRY(const auto descent, find_descent(request, planned.cluster));
  OVL_CHECK(check_change(request, planned.cluster, descent));
  if (planned.has_host()) {
    OVL_TRY(planned.own, look_at_self(request, world, planned.cluster));
  }
  put_in(planned.cluster, planned.plan);
  append(planned.plan.warnings, planned.own.warnings);
  planned.draft = stand_by(planned.cluster);
  if (planned.has_host()) OVL_CHECK(look_here(request, world, planned));
  planned.plan.undone = undone_of_change(planned);
  planned.plan.undone.unsaid = false;
  return planned;
}

Result<Planned> look_while_following(const Request& request, World& world) {
  OVL_TRY(Planned planned, begin_following(request, world));
  warn(address_untold(request, planned), planned.plan);
  OVL_CHECK(look_here(request, world, planned));
  planned.plan.undone = undone_of_following(planned);
  planned.plan.undone.unsaid = false;
  return planned;
}

Result<Planned> take_course(const Request& request, World& world) {
  const bool alone = request.scope == Scope::host;
  if (alone && request.destroy) return plan_leaving(request, world);
  if (alone && request.refresh_only) return look_while_following(request, world);
  if (alone) return plan_following(request, world);
  if (request.refresh_only) return look_at_change(request, world);
  return plan_change(request, want_of(request), world);
}

// Whoever asks for a part has to name it right.
Status check_names(const Task& task, const Planned& planned) {
  if (!planned.draft.problems.empty()) return {};
  for (const auto* names : {&task.selection.targets, &task.selection.excludes, &task.replaces}) {
    OVL_CHECK(
        check_known(*names, planned.plan,
                    {&planned.draft.desired, &planned.draft.unselected, &planned.cluster.view.records}));
  }
  return {};
}

}  // namespace

Result<Planned> make_plan(const Request& request, World& world) {
  OVL_TRY(Planned planned, take_course(request, world));
  OVL_CHECK(check_names(request, planned));
  return planned;
}

Result<Plan> plan_for(const Task& task, World& world, Wish wish) {
  Planned planned;
  planned.look = wish.look;
  planned.plan.scope = Scope::host;
  planned.plan.cluster = task.cluster;
  planned.plan.host = task.host;
  put_in(std::move(wish), planned.plan);
  OVL_CHECK(compare_here(task, world, planned));
  return std::move(planned.plan);
}

}  // namespace ovl
