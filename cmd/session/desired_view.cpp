// What verbs that show put beside the records: the same stage as a plan's, so that "wanted" means one thing
// everywhere. A manifest that can't be resolved has no such side, and what is wrong with it is for plan and
// validate to say.
#include "cmd/session/desired_view.hpp"

#include "reconcile/cluster/draft.hpp"
#include "reconcile/cluster/read_cluster.hpp"

namespace ovl {

std::optional<StoreView> desired_view(const Context& context, const StoreView& view) {
  if (context.manifest() == nullptr) return std::nullopt;
  const Want want = Declared{context.manifest()};
  Cluster cluster{.view = view, .known = view.records};
  // Before the draft: else a renamed block would be shown as one that goes and one that comes.
  know_by_new_names(context.request(), want, cluster);
  // The same way to wanted records as an apply's, without facts and moves of time: what is shown is what a
  // plan would say of the records, and no second guess at it.
  auto drafted = draft(
      {.task = context.request(), .want = want, .cluster = cluster, .around = {}, .descent = {}, .now = 0});
  if (!drafted.ok() || !drafted.value().problems.empty()) return std::nullopt;
  StoreView out = std::move(cluster.view);
  // Facts and status are those of the store: a manifest has no word about them.
  out.records = std::move(drafted).value().desired;
  return out;
}

}  // namespace ovl
