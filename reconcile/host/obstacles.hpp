// What stands in the way of a host's objects and is none of them: sockets, devices that have a VNI, routes
// that lead elsewhere.
#pragma once

#include "drivers/kernel/kernel.hpp"
#include "model/plan/plan.hpp"

namespace ovl {

// Adds to `plan`, which has what is desired and observed, a conflict for each network whose tunnel can't be
// made ("port-held", "vni-held") and for each prefix that a route in an endpoint's namespace takes before it
// is there ("foreign-route"). What takes it later, or a part of it, is the tenant's own affair, and a warning
// ("hidden-prefix"). Errors: as Kernel.
Status find_obstacles(Kernel& kernel, Plan& plan);

}  // namespace ovl
