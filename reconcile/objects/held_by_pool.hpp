// What a host's gateway pool takes away from it.
#pragma once

#include <string>
#include <vector>

#include "drivers/kernel/kernel.hpp"
#include "reconcile/objects/project.hpp"
#include "state/state.hpp"

namespace ovl {

// "holds this host's address 10.0.0.5", "holds this host's route to 10.0.0.0/24", ...: what of this host, of
// its peers or of the keystore lies in the pool, or the connected subnet of this host that the pool lies in.
// Routes of the main table to larger prefixes, and what is ovl's own, are no such thing. Empty: nothing, or
// no facts are known.
std::string held_by_pool(const IpPrefix& pool, const ProjectInput& input);

// What a chosen pool holds, and what has come into one that host `here` has realised already, is about the
// gateway alone: makes that the part of such findings ("pool-in-use"). Errors: as State.
Status leave_gateway(const State& state, const HostName& here, const Records& desired,
                     std::vector<Finding>& problems);

// Whether a pool that was chosen for this host, maybe where nobody knew it, holds something of it, and
// nothing of the pool is made here yet. Errors: as Kernel.
Result<bool> chooses_pool_anew(Kernel& kernel, const ProjectInput& input);

}  // namespace ovl
