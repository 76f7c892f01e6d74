// From a plan to a cluster and a host that are as it says: asks, writes, makes, verifies, reports.
#pragma once

#include <functional>
#include <vector>

#include "reconcile/base/progress.hpp"
#include "reconcile/run/plan.hpp"

namespace ovl {

struct Applied {
  Planned planned;            // what was (or would have been) applied; without what is left as it is
  std::vector<Finding> left;  // left_as_it_is(): all else is done
  std::int64_t serial = 0;    // of head afterwards
  std::uint64_t writes = 0;   // kernel messages and files that wrote
};

// Sees the plan before anything is written; an error ends the apply.
using Approve = std::function<Status(const Plan&)>;

// Locks, plans, asks, executes, verifies, records. What concerns one part of the host stops only that.
// However it ends, the other hosts learn of it. Errors: conflict when one concerns the whole host, or
// something was to be taken over; guard, locked, stale, unreachable, kernel, verify, interrupted (see
// World::stop).
Result<Applied> apply(const Request& request, World& world, const Approve& approve, const Progress& progress);

}  // namespace ovl
