#include "reconcile/host/planned.hpp"

#include "reconcile/host/compare.hpp"

namespace ovl {

WishInput input_for(const Task& task, const Planned& planned, const std::vector<HostName>& lost) {
  return {.task = task, .own = planned.own, .full_ttl = planned.full_ttl, .lost = lost};
}

WishInput input_for(const Task& task, const Planned& planned) {
  return input_for(task, planned, planned.cluster.lost);
}

Result<std::optional<NftTable>> compare_planned(const Task& task, World& world, const Planned& planned,
                                                Plan& plan) {
  const WishInput in = input_for(task, planned);
  const Comparison with{
      .desired = planned.draft.desired,
      .realised = planned.realised ? &*planned.realised : nullptr,
      .project =
          [&](const Records& records) { return wish(in, records, planned.cluster.view.facts).objects; },
      .look = planned.look,
      .full_ttl = planned.full_ttl,
      .keeps_all = planned.cluster.away};
  return compare(task, world, with, plan);
}

Result<Plan> compare_again(const Task& task, World& world, const Planned& planned) {
  Plan again;
  again.scope = planned.plan.scope;
  again.cluster = planned.plan.cluster;
  again.host = planned.plan.host;
  again.destroy = planned.plan.destroy;
  again.partial = planned.plan.partial;
  again.desired = planned.plan.desired;
  OVL_CHECK(compare_planned(task, world, planned, again));
  return again;
}

std::vector<Finding> left_as_it_is(const Planned& planned) {
  std::vector<Finding> out;
  for (const std::vector<Finding>* findings : {&planned.plan.conflicts, &planned.failed}) {
    for (const Finding& finding : *findings) {
      if (!finding.part.empty()) out.push_back(finding);
    }
  }
  return out;
}

}  // namespace ovl
