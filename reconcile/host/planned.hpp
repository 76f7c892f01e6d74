// A plan, and what an apply of it needs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/plan/plan.hpp"
#include "reconcile/cluster/draft.hpp"
#include "reconcile/host/observe.hpp"
#include "reconcile/host/own.hpp"
#include "reconcile/host/wish.hpp"
#include "reconcile/objects/freeze.hpp"
#include "reconcile/objects/full_ttl.hpp"

namespace ovl {

struct Planned {
  Plan plan;
  Cluster cluster;  // as it was read, with this host's own facts
  Draft draft;      // its changes, warnings and refusals are in the plan
  Own own;          // of this host
  Look look = Look::as_remembered;
  std::optional<Records>
      realised;          // that this host stands at, where a part of what would change was asked for
  FullTtlWord full_ttl;  // of those on this host's links
  std::optional<NftTable> stricter;  // this host's filter, when it is to demand more than in the plan
  std::vector<Finding> failed;       // what froze parts of this host while the plan was carried out
  FrozenParts frozen;                // these, and those of the plan
  // What differed in these when an apply was verified: left_objects(); none: nothing was applied.
  std::optional<std::vector<std::string>> still_left = {};

  // Whether it concerns a host.
  [[nodiscard]] bool has_host() const { return !plan.host.empty(); }
};

// What decides this host's part beside records and facts: with these hosts taken for lost, or with those that
// were when it was planned.
WishInput input_for(const Task& task, const Planned& planned, const std::vector<HostName>& lost);
WishInput input_for(const Task& task, const Planned& planned);

// compare() of what `planned` wishes with what is here now, into `plan`. Errors: as compare().
Result<std::optional<NftTable>> compare_planned(const Task& task, World& world, const Planned& planned,
                                                Plan& plan);

// The same again for a host whose records are drafted: what differs now from what `planned` wishes.
// Errors: as compare().
Result<Plan> compare_again(const Task& task, World& world, const Planned& planned);

// Why parts of this host are left as they are: conflicts, and failures of an apply. The first of each counts.
std::vector<Finding> left_as_it_is(const Planned& planned);

}  // namespace ovl
