// Stage "wish": what this host must hold, of a cluster's records and the hosts' facts.
#pragma once

#include <string>
#include <vector>

#include "reconcile/cluster/cluster.hpp"
#include "reconcile/host/observe.hpp"
#include "reconcile/host/own.hpp"
#include "reconcile/objects/full_ttl.hpp"
#include "reconcile/objects/project.hpp"
#include "reconcile/task/task.hpp"
#include "reconcile/task/world.hpp"

namespace ovl {

struct Wish {
  HostObjects objects;
  std::vector<std::string> waiting;  // peers whose VTEP is not known yet
  std::vector<Finding> conflicts;    // this host can't do what the records say
  std::vector<Finding> warnings;     // it can, but something else here may stand in the way
  // Where what is ours, and not wished, is looked for.
  Look look = Look::as_remembered;
};

// What other hosts say of their tunnels' TTL, as far as no router stands before them. Errors: as Kernel.
Result<FullTtlWord> find_full_ttl(const Task& task, World& world, const Records& desired, const Facts& facts);

// Beside records and facts: what of a host's own decides what it must hold.
struct WishInput {
  const Task& task;
  const Own& own;
  const FullTtlWord& full_ttl;
  const std::vector<HostName>& lost;  // whose tunnels' packets nobody takes, sorted
};

// Pure.
Wish wish(const WishInput& in, const Records& records, const Facts& facts);

// Nothing of ovl, wherever it is.
Wish wish_for_nothing();

}  // namespace ovl
