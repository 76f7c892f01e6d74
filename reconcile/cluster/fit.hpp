// Stage "fit": a tree whose records are not those that its head was written with. Some were lost or changed
// by hand, or a write was cut short; or somebody is writing them just now.
#pragma once

#include "reconcile/cluster/cluster.hpp"
#include "reconcile/cluster/want.hpp"
#include "reconcile/task/task.hpp"
#include "reconcile/task/world.hpp"

namespace ovl {

// Whether records of hosts, networks or endpoints failed their validation, or the head did. Facts and status
// are written by their hosts, whoever refuses them.
bool has_refused_records(const StoreView& view);

// Whether the records are those that the head was written with. Where some were refused their digest can't be
// compared: then each claim has its record still, read or refused. True without a head.
bool fits_head(const StoreView& view);

// A host alone keeps to its last good records where the head does not fit, as for a store that can't be
// reached. A warning says so, where nobody writes them just now. Precondition: recall().
// Errors: guard, or locked while somebody writes, where nothing is remembered that could stand for them; as
// State.
Status keep_to_what_fits(const Task& task, const World& world, Cluster& cluster);

// Whoever writes the records fills them from what is remembered, and from the claims. Precondition: recall().
// Errors: guard, or locked while somebody writes, where a part of them would be written; as State.
Status fill_what_is_missing(const Task& task, const Want& want, const World& world, Cluster& cluster);

// Into `known`, for records that are not there: what their claims say of VNIs and addresses, and endpoints
// whose network or host is gone.
void keep_claimed(const StoreView& view, Records& known);

}  // namespace ovl
