// Entering a network namespace the way `ip netns exec` does: with its own /sys and with the files of
// /etc/netns/<name>/ over those of /etc.
#pragma once

#include <string>
#include <vector>

#include "model/base/values.hpp"

namespace ovl {

struct EnterOptions {
  std::string netns_directory = "/run/netns";
  std::string etc_directory = "/etc/netns";
};

// Moves the calling process (which must have one thread) into the namespace and into a private mount
// namespace. Errors: not_found, privilege, io. What was entered stays entered on failure: exit then.
Status enter_netns(const NetnsName& name, const EnterOptions& options);

// Mounts /sys anew: sysfs shows the network devices of the namespace that mounted it. For a mount namespace
// of one's own. Errors: privilege, io.
Status remount_sys();

// Replaces the process by the command, looked up in PATH. Returns only on failure: not_found when there
// is no such command, io when it can't be run.
Error replace_process(const std::vector<std::string>& command);

}  // namespace ovl
