// Stage "make": a plan's changes to this host, one part after the other, and a look whether they hold.
#pragma once

#include <string>

#include "reconcile/base/progress.hpp"
#include "reconcile/host/planned.hpp"
#include "reconcile/task/task.hpp"
#include "reconcile/task/world.hpp"

namespace ovl {

// What fails in one part of the host is left out of the plan from then on, unless something was to be taken
// over. Errors: as execute_objects(), for what concerns the whole host.
Status make(const Task& task, World& world, Planned& planned, const std::string& apply_id,
            const Progress& progress);

// The same where other hosts and the store have to answer afterwards as before; see lock_out.hpp.
Status make_reachable(const Task& task, World& world, Planned& planned, const std::string& apply_id,
                      const Progress& progress);

// Reads the host again, and compares it with the very wish that was made: what others have written meanwhile
// is the next apply's. What does not hold in one part freezes it. Errors: verify, when something differs
// still; as compare().
Status verify(const Task& task, World& world, Planned& planned);

// What others have said since this host's filter was made is followed by who follows the cluster, or changes
// this host anyway. No plan is made of it, or none would be empty right after another host's first apply.
// True: the filter is stricter now. Errors: as make_reachable().
Result<bool> tighten(const Task& task, World& world, Planned& planned);

}  // namespace ovl
