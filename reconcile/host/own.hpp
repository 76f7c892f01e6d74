// What a host knows of itself and tells the others: its facts, read afresh and published.
#pragma once

#include <optional>
#include <vector>

#include "reconcile/cluster/cluster.hpp"
#include "reconcile/host/foreign_drops.hpp"
#include "reconcile/host/observe.hpp"
#include "reconcile/records/resolve.hpp"
#include "reconcile/task/task.hpp"
#include "reconcile/task/world.hpp"

namespace ovl {

struct Own {
  std::optional<HostFacts> facts;  // fresh; none: neither manifest nor records know this host
  // What the store has of them; none, too, when nobody holds the host's name.
  std::optional<HostFacts> published;
  HostSwitches switches;
  std::vector<ForeignDrop> drops;  // by other programs here
  std::vector<Finding> warnings;   // of what could not be told whole
};

// This host's facts, which then count in the cluster's view. For whoever changes the records. Errors: as
// Kernel and State; guard, when another machine has this host's name.
Result<Own> look_at_self(const Task& task, World& world, Cluster& cluster);

// The same for a host that follows the records: a record of its own with an address that this machine does
// not have gives way to the last good one.
Result<Own> look_at_self_following(const Task& task, World& world, Cluster& cluster);

// What of this host no chosen pool or subnet may take. The pool of a host is chosen by that host: what
// another one chose for it stands until it is looked at here. Errors: as Kernel.
Result<Surroundings> surroundings(const Task& task, World& world, const Cluster& cluster, const Own& own);

// What other programs here drop of this cluster's traffic, under these records. That endpoints have no way
// out is a fact for others. Errors: as Kernel.
Status find_foreign_drops(const Task& task, World& world, const Records& desired, Cluster& cluster, Own& own);

// Says what the others may rely on, as it was seen: whether all tunnels of this host send with full TTL, and
// which lost hosts of these records it refuses. The latter only where no other host's build would refuse to
// read it.
void say_what_holds(const HostObjects& observed, const Task& task, const Records& desired, Cluster& cluster,
                    Own& own);

// Publishes the facts together with the claim to the host's name, where they are new. Errors: as
// publish_facts().
Status publish_own_facts(const Task& task, World& world, const Cluster& cluster, Own& own);

// The same of what is true only since an apply, by whoever holds the host's name already. Errors: as the
// store.
Status publish_what_came_true(const Task& task, World& world, const Cluster& cluster, Own& own);

}  // namespace ovl
