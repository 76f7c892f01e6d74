// Reads whole namespaces. Sends no message that writes.
#pragma once

#include <string>

#include "drivers/kernel/kinds/hosts_file.hpp"
#include "drivers/kernel/netlink/socket.hpp"
#include "drivers/kernel/space.hpp"
#include "model/plan/objects.hpp"

namespace ovl {

// Netns::born of the namespace that a socket is of. proc: "/proc".
std::string birth_of(const NetlinkSocket& socket, const std::string& proc);

// What Kernel::observe() answers. proc: "/proc".
Result<HostObjects> observe_namespaces(Spaces& spaces, const HostsFiles& files, const std::string& proc,
                                       const HostObjects& wanted);

}  // namespace ovl
