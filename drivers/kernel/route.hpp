// Kind route: reading the main table, and the messages that make, change and remove a unicast route.
#pragma once

#include <vector>

#include "drivers/kernel/link.hpp"
#include "model/kinds/route.hpp"

namespace ovl {

// Unicast routes of the main table, both families, in the kernel's order; of one protocol, or with
// protocol 0 of all. A route with several next hops appears once for each, without `via`.
Result<std::vector<Route>> read_routes(NetlinkSocket& socket, const LinkTable& links, std::uint8_t protocol);

// Sorted: those with our protocol number; all that somebody made on links that are regarded; and those in the
// place of one of `wanted` (the same key), of any protocol and type: `dev` is empty when it is not unicast.
Result<std::vector<Route>> observe_routes(NetlinkSocket& socket, const LinkTable& links,
                                          const std::vector<Route>& wanted);

// exclusive: refuse with EEXIST when its key is taken; else replace.
void write_route(MessageQueue& queue, int index, const Route& route, bool exclusive);
void write_route_remove(MessageQueue& queue, int index, const Route& route);

}  // namespace ovl
