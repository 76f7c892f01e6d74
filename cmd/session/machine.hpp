// Who and where this process is.
#pragma once

#include <string>

#include "reconcile/cluster/execute_records.hpp"
#include "state/identity.hpp"

namespace ovl {

// gethostname(2), which is a host's name in records unless --host says another.
std::string host_name();

// Differs after each boot: random(4).
std::string boot_id();

// What a state is told from another machine's by.
ThisMachine this_machine();

// By which others are likely to reach this machine: the address of its way out, else the first of a device
// that is no loopback; of IPv4 before IPv6, and none that is temporary. Empty: it has none.
std::string reachable_address();

// This process as the holder of a lock, since `now` (seconds since the epoch).
StoreLock::Holder this_process(std::int64_t now);

// A holder of this machine and boot whose process is gone will never give its lock back.
bool holder_is_dead(const StoreLock::Holder& holder);

}  // namespace ovl
