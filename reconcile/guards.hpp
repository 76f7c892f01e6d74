// What an apply is refused for before anything is decided: a foreign source, another lineage, a tree
// that has vanished.
#pragma once

#include "reconcile/pipeline.hpp"

namespace ovl {

// Errors: guard (exit code 12), each with the way to go on.
Status check_guards(const Request& request, const Planned& planned);

// How the request's commit stands to the one that the records come from; none where either has no commit, or
// where another source is allowed. Errors: as Request::descent.
Result<std::optional<Descent>> find_descent(const Request& request, const Planned& planned);

// Of a commit whose place in the history can't be told: it may only say what the records say already.
// Errors: guard.
Status check_nothing_undone(const Request& request, const Planned& planned);

// Whether the origin becomes the source of the records, or its commit theirs, also where none of them
// changes: what comes after it is then measured by it.
bool takes_source(const Request& request, const Planned& planned);

// The source of the records, where the origin is to take its place. Empty: it is the same, or there is none.
std::string former_source(const Request& request, const Planned& planned);

// Whether a cluster may begin here: nothing tells a store that is new from one that was lost.
// Code guard: "new-cluster".
std::optional<Finding> refusal_to_begin(const Request& request, const Planned& planned);

// Host names are unique in a cluster. `view` is as it was read, without this host's fresh facts.
// Errors: guard, when another machine holds this host's name.
Status check_host_name(const StoreView& view, const HostFacts& own);

// The digest of a set of records: of their canonical JSON in order.
std::string digest_of(const Records& records);

}  // namespace ovl
