// The directories that a node of a lab has to itself.
#pragma once

#include <string>
#include <vector>

#include "model/base/result.hpp"

namespace ovl {

// /run, /etc/netns and /var/lib/ovl: empty at first, and gone with the node.
std::vector<std::string> private_directories();

// Mounts them, in a mount namespace of one's own whose mounts are private. What is written elsewhere below
// /etc and /var/lib stays with the node, too; what the machine has there is seen. Nothing is made on the
// machine. Errors: privilege, io (the kernel has no overlayfs, or it can't lie over /etc or /var/lib).
Status make_own_tree();

}  // namespace ovl
