#include "reconcile/host/wish.hpp"

namespace ovl {

Result<FullTtlWord> find_full_ttl(const Task& task, World& world, const Records& desired,
                                  const Facts& facts) {
  FullTtlWord word = full_ttl_word(desired, facts, task.host);
  const HostRecord* self = desired.host(task.host);
  if (self == nullptr) return FullTtlWord();
  const auto own = vtep_of(*self, desired, facts);
  if (!own) return FullTtlWord();
  for (std::vector<IpAddress>* some : {&word.said, &word.silent}) {
    if (some->empty()) continue;
    OVL_TRY(*some, world.kernel->on_link(*own, *some));
  }
  return word;
}

Wish wish(const WishInput& in, const Records& records, const Facts& facts) {
  Projected projected = project(ProjectInput{.cluster = in.task.cluster,
                                             .host = in.task.host,
                                             .records = records,
                                             .facts = facts,
                                             .keystores = in.task.keystores,
                                             .opened = in.own.switches.opened,
                                             .bridge_filters = in.own.switches.bridge_filters,
                                             .full_ttl = in.full_ttl.said,
                                             .lost = in.lost,
                                             .needs_states = in.own.switches.needs_states});
  return Wish{.objects = std::move(projected.objects),
              .waiting = std::move(projected.waiting),
              .conflicts = std::move(projected.problems),
              .warnings = std::move(projected.warnings)};
}

Wish wish_for_nothing() {
  return Wish{.look = Look::everywhere};
}

}  // namespace ovl
