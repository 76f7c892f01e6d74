// What an apply is refused for before anything is decided: a foreign source, another lineage, a tree
// that has vanished.
#pragma once

#include "reconcile/cluster/cluster.hpp"
#include "reconcile/cluster/want.hpp"
#include "reconcile/task/task.hpp"

namespace ovl {

// Of whoever changes the records. Errors: guard (exit code 12), each with the way to go on.
Status check_change(const Task& task, const Cluster& cluster, const std::optional<Descent>& descent);

// Of a host that follows them. Errors: as check_change().
Status check_following(const Task& task, const Cluster& cluster);

// How the task's commit stands to the one that the records come from; none where either has no commit, or
// where another source is allowed. Errors: as Task::descent.
Result<std::optional<Descent>> find_descent(const Task& task, const Cluster& cluster);

// Of a change of records: a commit whose place in the history can't be told may only say what they say
// already. Errors: guard.
Status check_nothing_undone(const Task& task, const Cluster& cluster, const std::optional<Descent>& descent);

// Whether the origin becomes the source of the records, or its commit theirs, also where none of them
// changes: what comes after it is then measured by it.
bool takes_source(const Task& task, const Want& want, const Cluster& cluster,
                  const std::optional<Descent>& descent);

// The source of the records, where the task's origin is another one. Empty: it is the same, or there is none.
std::string former_source(const Task& task, const Cluster& cluster);

// Whether a cluster may begin here: nothing tells a store that is new from one that was lost.
// Code guard: "new-cluster".
std::optional<Finding> refusal_to_begin(const Task& task, const Want& want, const Cluster& cluster);

// Host names are unique in a cluster. `view` is as it was read, without this host's fresh facts.
// Errors: guard, when another machine holds this host's name.
Status check_host_name(const StoreView& view, const HostFacts& own);

// The digest of a set of records: of their canonical JSON in order.
std::string digest_of(const Records& records);

}  // namespace ovl
