#include "cmd/session/desired_view.hpp"

#include "reconcile/cluster/draft.hpp"
#include "reconcile/cluster/read_cluster.hpp"

namespace ovl {

std::optional<StoreView> desired_view(const Context& context, const StoreView& view) {
  if (context.manifest() == nullptr) return std::nullopt;
  const Want want = Declared{context.manifest()};
  Cluster cluster{.view = view, .known = view.records};
  know_by_new_names(context.request(), want, cluster);
  auto drafted = draft(
      {.task = context.request(), .want = want, .cluster = cluster, .around = {}, .descent = {}, .now = 0});
  if (!drafted.ok() || !drafted.value().problems.empty()) return std::nullopt;
  StoreView out = std::move(cluster.view);
  out.records = std::move(drafted).value().desired;
  return out;
}

}  // namespace ovl
