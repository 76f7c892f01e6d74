// What keeps VXLAN devices from being made, before it is tried.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "drivers/kernel/kernel.hpp"
#include "drivers/kernel/space.hpp"

namespace ovl {

// Kernel::tunnel_obstacles() of the calling thread's namespace. `proc`: where procfs is.
Result<std::vector<TunnelObstacle>> find_tunnel_obstacles(Spaces& spaces, const std::string& proc,
                                                          std::span<const Link> wanted);

}  // namespace ovl
