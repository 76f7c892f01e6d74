// What a host says about itself, read from its own namespace and a few files.
#pragma once

#include "drivers/kernel/kernel.hpp"
#include "drivers/kernel/linux.hpp"
#include "drivers/kernel/socket.hpp"

namespace ovl {

// Errors: conflict, with a remedy, when the asked-for address or interface is not on this machine.
Result<HostFacts> read_facts(NetlinkSocket& socket, const LinuxKernelOptions& options,
                             const FactsRequest& request);

}  // namespace ovl
