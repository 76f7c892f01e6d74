// Reads whole namespaces. Sends no message that writes.
#pragma once

#include <string>

#include "drivers/kernel/hosts_file.hpp"
#include "drivers/kernel/space.hpp"
#include "model/objects.hpp"

namespace ovl {

// What Kernel::observe() answers. proc: "/proc".
Result<HostObjects> observe_namespaces(Spaces& spaces, const HostsFiles& files, const std::string& proc,
                                       const HostObjects& wanted);

}  // namespace ovl
