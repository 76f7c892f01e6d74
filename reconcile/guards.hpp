// What an apply is refused for before anything is decided: a foreign source, another lineage, a tree
// that has vanished.
#pragma once

#include "reconcile/pipeline.hpp"

namespace ovl {

// Errors: guard (exit code 12), each with the way to go on.
Status check_guards(const Request& request, const Planned& planned, const State* state);

// Host names are unique in a cluster. `view` is as it was read, without this host's fresh facts.
// Errors: guard, when another machine holds this host's name.
Status check_host_name(const StoreView& view, const HostFacts& own);

// The digest of a set of records: of their canonical JSON in order.
std::string digest_of(const Records& records);

}  // namespace ovl
