// Stage "draft": what the records of a cluster are to be, and what that changes; the only way to wanted
// records. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reconcile/cluster/cluster.hpp"
#include "reconcile/cluster/want.hpp"
#include "reconcile/records/resolve.hpp"
#include "reconcile/task/task.hpp"

namespace ovl {

struct Draft {
  Records desired;                    // as they would be, or as they stand where nobody changes them
  Records unselected;                 // the desired ones before a selection
  Diagnostics problems;               // of the manifest: there is nothing else in the draft then
  std::vector<RecordChange> changes;  // in the order in which they are written
  std::vector<std::string> waiting;   // objects that wait for a host's first fact, changes for other hosts
  std::vector<Finding> refused;       // what guards and policies do not let pass
  std::vector<Finding> warnings;
  bool takes_source = false;  // the head gets the origin's source and commit, whatever becomes of the records
  std::string former_source;  // of the records, which the origin's takes over; empty: it stays
  bool may_write = false;     // it was made to be written, and nothing refuses that
};

struct DraftInput {
  const Task& task;
  const Want& want;
  const Cluster& cluster;  // with this host's own facts, fresh
  Surroundings around;     // of this host
  std::optional<Descent> descent;
  std::int64_t now = 0;  // seconds since the epoch, for policies with windows
};

// Errors: guard, when a commit would undo what it does not know of, or a selection leaves a part of what
// belongs together.
Result<Draft> draft(const DraftInput& in);

// What stands already, and nothing to write: for whoever only follows or looks.
Draft stand_by(const Cluster& cluster);

// Beyond all that is known, so that no host takes it for one that it has realised already.
std::int64_t next_serial(const Cluster& cluster);

}  // namespace ovl
