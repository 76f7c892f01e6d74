// Tells the neighbours on a device that an address has another MAC now.
#pragma once

#include <cstdint>
#include <vector>

#include "drivers/kernel/kernel.hpp"

namespace ovl {

// The Ethernet frame of an announcement: a gratuitous ARP request for IPv4 (RFC 5227, 3: an ARP
// announcement), an unsolicited neighbour advertisement with the override flag for IPv6.
std::vector<std::uint8_t> announcement_frame(const IpAddress& address, const MacAddress& mac);

// Sends the frames out of device `index`. For a thread inside the namespace. Errors: kernel, privilege.
Status send_frame(int index, const std::vector<std::uint8_t>& frame, std::string_view what);

}  // namespace ovl
