#include "reconcile/run/compare_manifests.hpp"

#include "reconcile/cluster/read_cluster.hpp"
#include "reconcile/host/wish.hpp"
#include "reconcile/objects/diff_objects.hpp"
#include "reconcile/run/predict.hpp"

namespace ovl {

namespace {

// Every host has realised what there is: nothing waits for one that was not asked.
void take_for_realised(StoreView& view) {
  const std::int64_t serial = view.head ? view.head->serial : 0;
  for (const HostRecord& host : view.records.hosts) view.status[host.name.text()].serial = serial;
}

// Without a kernel: what it would hold if it held what `before` wants.
void compare_objects(const Task& task, const Records& before, const Facts& facts, Planned& planned) {
  const WishInput in{
      .task = task, .own = planned.own, .full_ttl = planned.full_ttl, .lost = planned.cluster.lost};
  Plan& plan = planned.plan;
  plan.scope = Scope::all;
  plan.host = task.host;
  plan.observed = wish(in, before, facts).objects;
  plan.desired = wish(in, planned.draft.desired, planned.cluster.view.facts).objects;
  diff_objects(plan, {});
}

}  // namespace

namespace {

// Both sides by the same way; what is wrong with the one before is nobody's business here.
Result<Records> records_of(const Manifest& manifest, const StoreView& view) {
  Task task;
  task.cluster = manifest.cluster.value;
  task.manifest = &manifest;
  const Want want = Declared{&manifest};
  const Cluster cluster{.view = view, .known = view.records};
  OVL_TRY(Draft out,
          draft({.task = task, .want = want, .cluster = cluster, .around = {}, .descent = {}, .now = 0}));
  return std::move(out.desired);
}

}  // namespace

Result<Planned> compare_manifests(const Manifest& before, const Task& task, StoreView view,
                                  std::int64_t now) {
  Planned planned;
  const Facts facts = view.facts;
  Cluster& cluster = planned.cluster;
  cluster.view = std::move(view);
  take_for_realised(cluster.view);
  OVL_TRY(cluster.view.records, records_of(before, cluster.view));
  take_for_realised(cluster.view);
  cluster.known = cluster.view.records;
  const Want want = Declared{task.manifest};
  know_by_new_names(task, want, cluster);
  OVL_TRY(planned.draft,
          draft({.task = task, .want = want, .cluster = cluster, .around = {}, .descent = {}, .now = now}));
  Plan& plan = planned.plan;
  plan.scope = Scope::cluster;
  plan.cluster = task.cluster;
  plan.origin = task.origin;
  plan.warnings = cluster.warnings;
  plan.warnings.insert(plan.warnings.end(), planned.draft.warnings.begin(), planned.draft.warnings.end());
  plan.waiting = planned.draft.waiting;
  plan.record_changes = planned.draft.changes;
  plan.refused = planned.draft.refused;
  if (!task.host.empty()) compare_objects(task, cluster.view.records, facts, planned);
  plan.interruptions = predict(plan, planned.draft.desired);
  return planned;
}

}  // namespace ovl
