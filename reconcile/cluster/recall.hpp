// Stage "recall": what this place remembers, beside what the store holds or where it can't be asked.
#pragma once

#include "reconcile/cluster/cluster.hpp"
#include "reconcile/cluster/want.hpp"
#include "reconcile/task/task.hpp"
#include "reconcile/task/world.hpp"

namespace ovl {

// Fills known, memory, tree and puts_back of a cluster whose view was read, with a warning when records are
// put back and a refusal when a cluster may not begin here. Errors: guard, when nothing is remembered that
// --restored asks for, or a part would be put back; as State.
Status recall(const Task& task, const Want& want, const World& world, Cluster& cluster);

// Whether who follows the store at `url` goes on without it after this error. A server that refuses, or
// answers what no store does, and a secret that is not there yet, are like one that is away; a file is there
// or not.
bool is_away(const Error& why, const std::string& url);

// The last good records in place of a store that can't be reached, for a host that only follows it: it may
// boot before its store. Errors: `why`, where nothing stands for it.
Status stand_alone(const Task& task, const World& world, const Error& why, Cluster& cluster);

// Facts of hosts that have not spoken since.
void recall_facts(const Facts& remembered, Facts& facts);

}  // namespace ovl
