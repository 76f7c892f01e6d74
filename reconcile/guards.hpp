// What an apply is refused for before anything is decided: a foreign source, another lineage, a tree
// that has vanished.
#pragma once

#include "reconcile/pipeline.hpp"

namespace ovl {

// Errors: guard (exit code 12), each with the way to go on.
Status check_guards(const Request& request, const Planned& planned);

// Whether a cluster may begin here: nothing tells a store that is new from one that was lost.
// Code guard: "new-cluster".
std::optional<Finding> refusal_to_begin(const Request& request, const Planned& planned);

// Host names are unique in a cluster. `view` is as it was read, without this host's fresh facts.
// Errors: guard, when another machine holds this host's name.
Status check_host_name(const StoreView& view, const HostFacts& own);

// The digest of a set of records: of their canonical JSON in order.
std::string digest_of(const Records& records);

}  // namespace ovl
