// What a plan, or an apply of it, leaves undone: of this host what could not be known, of the others what
// they have not done yet. Pure.
#pragma once

#include "reconcile/pipeline.hpp"

namespace ovl {

// As of planned.view and planned.desired. Of other hosts only where the request is about the cluster.
Undone undone_of(const Request& request, const Planned& planned);

}  // namespace ovl
