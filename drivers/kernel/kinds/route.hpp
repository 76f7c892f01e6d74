// Kind route: reading the tables, and the messages that make, change and remove a unicast route.
#pragma once

#include <vector>

#include "drivers/kernel/links/link.hpp"
#include "model/kinds/address.hpp"
#include "model/kinds/route.hpp"
#include "model/records/records.hpp"

namespace ovl {

struct HostRoutes {
  // Unicast ones of the main table, both families, in the kernel's order. One with several next hops appears
  // once for each, without `via`.
  std::vector<Route> main;
  std::vector<HeldRoute> held;  // HostFacts::held, sorted
};

Result<HostRoutes> read_host_routes(NetlinkSocket& socket, const LinkTable& links);

// Sorted: those with our protocol number; all that somebody made on links that are regarded; those in the
// place of one of `wanted` (the same key), of any protocol and type: `dev` is empty when it is not unicast;
// and the first that hides the prefix of one of `wanted` or of `addresses`, or a part of it (WantedPrefixes).
Result<std::vector<Route>> observe_routes(NetlinkSocket& socket, const LinkTable& links,
                                          const std::vector<Route>& wanted,
                                          const std::vector<Address>& addresses);

// One that drops, of whatever table.
struct DroppingRoute {
  IpPrefix destination;
  std::uint32_t table = 0;
};

Result<std::vector<DroppingRoute>> read_dropping_routes(NetlinkSocket& socket, const LinkTable& links);

// exclusive: refuse with EEXIST when its key is taken; else replace.
void write_route(MessageQueue& queue, int index, const Route& route, bool exclusive);
void write_route_remove(MessageQueue& queue, int index, const Route& route);

}  // namespace ovl
