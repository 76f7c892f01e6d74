// Finds where the other end of each veth pair is, among namespaces that were read.
#pragma once

#include <vector>

#include "drivers/kernel/links/link.hpp"
#include "drivers/kernel/space.hpp"
#include "model/plan/objects.hpp"

namespace ovl {

// A namespace whose links were read.
struct ReadSpace {
  NetnsName name;
  LinkTable links;
};

// Fills in `peer` at both ends of each pair that has both in `spaces`. The kernel tells a peer's
// index and a local number for its namespace (RTM_GETNSID), not a name; a pair is taken for one
// only when the indexes of both ends meet and the number is that of the other's namespace. What
// `wanted` says of a peer is tried first, which makes one question per pair.
Status resolve_veth_peers(Spaces& spaces, std::vector<ReadSpace>& read, const HostObjects& wanted);

}  // namespace ovl
