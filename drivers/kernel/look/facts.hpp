// What a host says about itself, read from its own namespace and a few files.
#pragma once

#include "drivers/kernel/kernel.hpp"
#include "drivers/kernel/linux.hpp"
#include "drivers/kernel/netlink/socket.hpp"

namespace ovl {

// Errors: conflict, with a remedy, when the asked-for address or interface is not on this machine.
Result<HostFacts> read_facts(NetlinkSocket& socket, const LinuxKernelOptions& options,
                             const FactsRequest& request);

// Kernel::is_shut_by_others() of the calling thread's namespace.
Result<bool> others_shut_this_host();

}  // namespace ovl
