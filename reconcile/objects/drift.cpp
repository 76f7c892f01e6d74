#include "reconcile/objects/drift.hpp"

#include <set>

#include "reconcile/base/find_same.hpp"
#include "reconcile/objects/diff_objects.hpp"

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

// What is made anew because its device is moved no more than that did: where the device is by a wish, it is,
// too.
class ByWish {
 public:
  explicit ByWish(Plan& plan) : plan_(plan) {}

  void follow() {
    for (const ObjectChange& change : plan_.object_changes) {
      if (!change.drift) take(change);
    }
    for (ObjectChange& change : plan_.object_changes) {
      if (!follows(change) || as_link(change.after) == nullptr || !is_taken(change)) continue;
      change.drift = false;
      take(change);
    }
    for (ObjectChange& change : plan_.object_changes) {
      if (follows(change) && is_taken(change)) change.drift = false;
    }
  }

 private:
  using End = VethPeer;

  static const Link* as_link(const ObjectRef& object) {
    const auto* const* link = std::get_if<const Link*>(&object);
    return link != nullptr ? *link : nullptr;
  }

  static bool follows(const ObjectChange& change) {
    return change.drift && change.reason == Reason::parent_replaced;
  }

  // With one end of a pair the other is made anew.
  void take(const ObjectChange& change) {
    const Link* before = as_link(change.before);
    const Link* after = as_link(change.after);
    if (change.action == Action::update || (before == nullptr && after == nullptr)) return;
    taken_.insert(End{plan_.spaces[change.space], (after != nullptr ? after : before)->name});
    for (const Link* link : {before, after}) {
      if (link != nullptr && link->peer) taken_.insert(*link->peer);
    }
  }

  [[nodiscard]] bool is_taken(const ObjectChange& change) const {
    const Link* link = as_link(change.after);
    const IfName name = link != nullptr ? link->name : device_of(change.after);
    return taken_.contains(End{plan_.spaces[change.space], name});
  }

  Plan& plan_;
  std::set<End> taken_;  // devices that are made anew, or go, because it is wished
};

}  // namespace

void mark_drift(const HostObjects& applied, Plan& plan) {
  for (ObjectChange& change : plan.object_changes) {
    const NetnsName& space = plan.spaces[change.space];
    change.drift = is_drift(change, {.applied = applied.find(space), .desired = plan.desired.find(space)});
  }
  ByWish(plan).follow();
}

}  // namespace ovl
