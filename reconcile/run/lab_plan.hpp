// From a manifest to a lab: which host has which underlay address, what joins them, and that network
// as objects for the kernel port. Pure.
#pragma once

#include "model/manifest/lab.hpp"
#include "model/manifest/manifest.hpp"
#include "model/plan/plan.hpp"

namespace ovl {

// Errors: usage (no hosts, or a name or an address that a lab can't give), unsupported (a keystore that
// can't be started here, `bind`).
Result<LabPlan> plan_lab(const Manifest& manifest);

// The lab's network as a plan that creates all of it, in namespaces named after lab_nodes(). Nothing
// in it bears a mark of ovl: inside a host it is what the machine came with.
Plan plan_lab_network(const LabPlan& lab);

}  // namespace ovl
