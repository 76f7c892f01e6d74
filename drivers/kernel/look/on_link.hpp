// Which addresses the host reaches with no router between, as the kernel's own lookup answers.
#pragma once

#include <span>
#include <vector>

#include "drivers/kernel/netlink/socket.hpp"

namespace ovl {

// Kernel::on_link() by the namespace of this socket.
Result<std::vector<IpAddress>> addresses_on_link(NetlinkSocket& socket, const IpAddress& source,
                                                 std::span<const IpAddress> addresses);

}  // namespace ovl
