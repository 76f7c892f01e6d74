// What in a namespace is asked before its main table, and drops what shall go by our devices.
#pragma once

#include <vector>

#include "drivers/kernel/links/link.hpp"
#include "model/plan/objects.hpp"

namespace ovl {

// Of rules (ip-rule(8)) that every packet of the namespace's own meets, of one source at most: those that
// drop, and those that lead to a table with a route that drops. Of what `wanted` has addresses and routes
// for.
Result<std::vector<Overruling>> observe_overruling(NetlinkSocket& socket, const LinkTable& links,
                                                   const NamespaceObjects& wanted);

}  // namespace ovl
