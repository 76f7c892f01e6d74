// The kernel of this host: the port of kernel.hpp over netlink, /proc/sys and /etc/netns.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "drivers/kernel/kernel.hpp"

namespace ovl {

struct LinuxKernelOptions {
  std::string run_directory = "/run/netns";  // names of network namespaces
  std::string mount_namespace = {};          // see NamespaceDirectory; empty: this process's
  std::string etc_directory = "/etc/netns";  // files of namespaces, see ip-netns(8)
  std::string resolv_conf = "/etc/resolv.conf";
  // Where this machine's resolver writes the servers that it asks itself (systemd-resolved, NetworkManager).
  std::vector<std::string> real_resolv_conf = {"/run/systemd/resolve/resolv.conf",
                                               "/run/NetworkManager/no-stub-resolv.conf"};
  std::string machine_id = "/etc/machine-id";
  std::string proc = "/proc";
};

// Acts in the calling thread's network namespace, which is "the host's own"; call it from that thread.
// Holds no descriptor of any other namespace between two calls, unless told to.
// Errors: io, privilege, unsupported.
Result<std::unique_ptr<Kernel>> open_linux_kernel(const LinuxKernelOptions& options);

}  // namespace ovl
