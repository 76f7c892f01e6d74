// Stage "read": a cluster from its store, and what this place makes of it. Whoever changes records and
// whoever follows them stand otherwise to what is lost, refused or does not fit: two ways in, and the same
// cluster out.
#pragma once

#include "reconcile/cluster/cluster.hpp"
#include "reconcile/cluster/want.hpp"
#include "reconcile/task/task.hpp"
#include "reconcile/task/world.hpp"

namespace ovl {

// For whoever changes the records: what is refused or missing is filled from what is remembered, and is known
// by the names that are wanted. Errors: as read_store(); as recall() and fill_what_is_missing().
Result<Cluster> read_to_change(const Task& task, const Want& want, World& world);

// For a host that follows the records: the last good ones stand for what is refused, does not fit, or can't
// be reached. Errors: as read_store(), where nothing stands for it; as recall() and keep_to_what_fits().
Result<Cluster> read_to_follow(const Task& task, World& world);

// Who follows the records by the name that the host had when it was found would remove all that it has when
// it gets another one. Errors: stale, with the name that it has by now; as State.
Status check_own_name(const Task& task, const World& world, const Cluster& cluster);

// Tells of the records that were refused since `told` of them were.
void tell_refused(std::size_t told, Cluster& cluster);

// Has what is called otherwise now known under its new name from here on, with a warning of each move that
// can't be made.
void know_by_new_names(const Task& task, const Want& want, Cluster& cluster);

}  // namespace ovl
