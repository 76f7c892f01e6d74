#include "reconcile/drift.hpp"

#include "reconcile/find_same.hpp"

namespace ovl {

namespace {

// Whether two wishes want the same of one object; also that there is none.
struct WantTheSame {
  const NamespaceObjects* applied;
  const NamespaceObjects* desired;

  bool operator()(std::monostate) const { return false; }

  template <class K>
  bool operator()(const K* object) const {
    const K* then = applied != nullptr ? find_same(*applied, *object) : nullptr;
    const K* now = desired != nullptr ? find_same(*desired, *object) : nullptr;
    return then == nullptr || now == nullptr ? then == now : *then == *now;
  }
};

bool is_drift(const ObjectChange& change, const WantTheSame& want_the_same) {
  // Nobody has moved what is made anew because it was asked for.
  if (change.reason == Reason::requested) return false;
  const bool made = !std::holds_alternative<std::monostate>(change.after);
  return std::visit(want_the_same, made ? change.after : change.before);
}

}  // namespace

void mark_drift(const HostObjects& applied, Plan& plan) {
  for (ObjectChange& change : plan.object_changes) {
    const NetnsName& space = plan.spaces[change.space];
    change.drift = is_drift(change, {.applied = applied.find(space), .desired = plan.desired.find(space)});
  }
}

}  // namespace ovl
