// By which device the world is reached from behind a bridge of this host, as the kernel would send it.
#pragma once

#include <optional>

#include "drivers/kernel/links/link.hpp"

namespace ovl {

// What comes in by `bridge` from `source`, IPv4: the device by which it leaves, whatever rules and tables
// say. None: it goes nowhere, or not all of the world is reached by one device.
Result<std::optional<IfName>> find_way_out(NetlinkSocket& socket, const IfName& bridge,
                                           const IpAddress& source);

}  // namespace ovl
