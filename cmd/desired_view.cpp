#include "cmd/desired_view.hpp"

#include "reconcile/moves.hpp"
#include "reconcile/resolve.hpp"

namespace ovl {

std::optional<StoreView> desired_view(const Context& context, const StoreView& view) {
  if (context.manifest() == nullptr) return std::nullopt;
  StoreView out = view;
  const std::vector<Move> moves = moves_of(*context.manifest());
  move_records(moves, out.records, view.homeless);
  move_facts(moves, out.records, out.facts);
  Resolved resolved = resolve(*context.manifest(), out.records, out.facts);
  if (!resolved.problems.empty()) return std::nullopt;
  out.records = std::move(resolved.records);
  return out;
}

}  // namespace ovl
