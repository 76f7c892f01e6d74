#include "reconcile/compare.hpp"

#include "reconcile/diff_records.hpp"
#include "reconcile/policy.hpp"
#include "reconcile/predict.hpp"
#include "reconcile/project.hpp"
#include "reconcile/resolve.hpp"

namespace ovl {

namespace {

HostObjects objects_of(const CompareInput& input, const Records& records, const Facts& facts) {
  return project(ProjectInput{.cluster = input.after.cluster.value,
                              .host = input.host,
                              .records = records,
                              .facts = facts})
      .objects;
}

// Without a kernel: what it would hold if it held what `before` wants.
void compare_objects(const CompareInput& input, const Records& before, Planned& planned) {
  Plan& plan = planned.plan;
  plan.scope = Scope::all;
  plan.host = input.host;
  plan.observed = objects_of(input, before, input.view.facts);
  plan.desired = objects_of(input, planned.desired, planned.view.facts);
  diff_objects(plan, {});
}

}  // namespace

Planned compare(const CompareInput& input) {
  Planned planned;
  planned.view = input.view;
  const Records before = resolve(input.before, input.view.records, input.view.facts).records;
  planned.known = before;
  const std::vector<Move> moves = moves_of(input.after);
  move_records(moves, planned.known, {});
  move_facts(moves, planned.known, planned.view.facts);
  Resolved resolved = resolve(input.after, planned.known, planned.view.facts);
  planned.desired = std::move(resolved.records);
  planned.problems = std::move(resolved.problems);
  Plan& plan = planned.plan;
  plan.warnings = blocked_moves(moves, planned.known);
  plan.scope = Scope::cluster;
  plan.cluster = input.after.cluster.value;
  plan.origin = input.origin;
  plan.waiting = std::move(resolved.waiting);
  plan.record_changes = diff_records(planned.desired, before);
  if (!input.host.empty()) compare_objects(input, before, planned);
  plan.refused = refusals_of(plan, before, input.max_destroy);
  const PolicyInput circumstances{.plan = plan,
                                  .desired = planned.desired,
                                  .current = before,
                                  .now = input.now,
                                  .signer = "not asked",
                                  .unsigned_because = {}};
  for (const auto& policy : {input.after.policy, input.host_policy}) {
    if (!policy) continue;
    for (Finding& finding : violations(circumstances, *policy)) plan.refused.push_back(std::move(finding));
  }
  plan.interruptions = predict(plan, planned.desired);
  return planned;
}

}  // namespace ovl
