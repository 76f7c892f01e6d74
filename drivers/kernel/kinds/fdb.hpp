// Kind fdb: reading the static forwarding entries of VXLAN devices and bridge ports of ours, and the
// messages that set and remove one.
#pragma once

#include <vector>

#include "drivers/kernel/links/link.hpp"
#include "model/kinds/fdb.hpp"

namespace ovl {

// One dump for the whole namespace, sorted. Left out: what was learned, group addresses, and the
// entries that the kernel makes for the MACs of a bridge and its ports. An entry with a port, VNI,
// interface or nexthop of its own, or with several destinations, has no vtep, so that it is no wish
// of ours. Kernel: the dump counts what it skips, so an entry deleted by somebody else meanwhile can
// hide another; a missing entry is therefore no proof of absence (rtnl_fdb_dump()).
Result<std::vector<Fdb>> observe_fdb(NetlinkSocket& socket, const LinkTable& links);

// exclusive: refuse with EEXIST when there is an entry, even a learned one.
void write_fdb(MessageQueue& queue, int index, const Fdb& entry, bool exclusive);
void write_fdb_remove(MessageQueue& queue, int index, const Fdb& entry);

// Whether there is an entry that was learned, which may be replaced.
Result<bool> is_learned_fdb(NetlinkSocket& socket, int index, const Fdb& entry);

}  // namespace ovl
