// The routes that the kernel makes with an address (AddressRoutes): which of them are there, and the messages
// that make those again that are not.
#pragma once

#include <vector>

#include "drivers/kernel/kinds/address.hpp"

namespace ovl {

// Sets `routes` of addresses on links of ours; one dump for each family that some have. Those of a device
// that is down count as there: they come with IFF_UP.
Status read_address_routes(NetlinkSocket& socket, const LinkTable& links, std::vector<AddressRow>& rows);

// What `before` lacks. An IPv6 address that lacks its own route is made anew, as nothing else makes that one.
void write_address_routes(MessageQueue& queue, int index, const Address& before, const Address& after);

}  // namespace ovl
