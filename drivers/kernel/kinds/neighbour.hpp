// Kind neighbour: reading the permanent entries on links of ours, and the messages that set and
// remove one.
#pragma once

#include <vector>

#include "drivers/kernel/links/link.hpp"
#include "model/kinds/neighbour.hpp"

namespace ovl {

// One dump of both families, sorted.
Result<std::vector<Neighbour>> observe_neighbours(NetlinkSocket& socket, const LinkTable& links);

// exclusive: refuse with EEXIST when there is an entry, even one that the kernel resolved itself.
void write_neighbour(MessageQueue& queue, int index, const Neighbour& neighbour, bool exclusive);
void write_neighbour_remove(MessageQueue& queue, int index, const Neighbour& neighbour);

// Whether there is an entry that is not permanent: one that the kernel made, which may be replaced.
Result<bool> is_dynamic_neighbour(NetlinkSocket& socket, int index, const Neighbour& neighbour);

}  // namespace ovl
