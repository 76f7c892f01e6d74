// What a plan leaves undone, on other hosts and here.
#pragma once

#include "reconcile/host/planned.hpp"

namespace ovl {

// Of whoever changes the records: steps that are to come, hosts that are behind, and lost ones.
Undone undone_of_change(const Planned& planned);

// Of a host that follows them: what it knows of itself.
Undone undone_of_following(const Planned& planned);

}  // namespace ovl
