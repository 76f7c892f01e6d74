#include "reconcile/host/compare.hpp"

#include "reconcile/host/obstacles.hpp"
#include "reconcile/objects/diff_objects.hpp"
#include "reconcile/objects/made_here.hpp"

namespace ovl {

namespace {

bool is_removal(const ObjectChange& change) {
  return change.action == Action::remove;
}

}  // namespace

Result<std::optional<NftTable>> compare(const Task& task, World& world, const Comparison& with, Plan& plan) {
  State& state = *world.state;
  OVL_TRY(std::vector<ChangedSysctl> changed, changed_sysctls(state));
  OVL_TRY(const Adoption adoption, Adoption::of(plan.desired, with.desired, task.host, task.adopt));
  OVL_TRY(plan.observed, observe(*world.kernel, state, plan.desired, changed, adoption, with.look));
  if (recall_opened(plan.observed, plan.cluster, changed)) {
    OVL_TRY(plan.observed, observe(*world.kernel, state, plan.desired, changed, adoption, with.look));
  }
  heed_router(plan.observed, changed);
  std::optional<NftTable> stricter = put_off_demands(plan.desired, plan.observed, with.full_ttl.silent);
  OVL_CHECK(discount_marks(plan.observed, state, plan.cluster, task.netns_list));
  if (!task.own_words) OVL_CHECK(refuse_strangers(plan, task.netns_list, adoption, state));
  OVL_CHECK(find_obstacles(*world.kernel, plan));
  diff_objects(plan, changed, task.replaces, adoption);
  if (with.keeps_all) std::erase_if(plan.object_changes, is_removal);
  if (!task.selection.all()) select_objects(plan, task.selection, with.desired, *with.realised, with.project);
  return stricter;
}

}  // namespace ovl
