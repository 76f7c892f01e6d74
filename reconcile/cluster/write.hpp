// Stage "write": a draft into the store, under the cluster's lock. Knows no kernel and asks nobody.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "reconcile/base/progress.hpp"
#include "reconcile/cluster/draft.hpp"
#include "reconcile/store/store_lock.hpp"
#include "reconcile/task/world.hpp"

namespace ovl {

// Whether there is something of it to write.
bool writes_records(const Cluster& cluster, const Draft& draft);

// The cluster's lock, for who has something to write. Errors: locked; as the store.
Result<StoreLock> lock_store(const Task& task, World& world);

// What a draft was made from: it counts as long as that stands. Other hosts' reports belong to it as far as a
// draft asks for them: which generation they have realised, and whether they are lost.
class Fingerprint {
 public:
  // self: its own facts and status are no surprise to it; empty: they are another's, too.
  Fingerprint(const StoreView& view, const StoreLayout& layout, const HostName& self);

  // The same of a tree that nobody has decoded.
  Fingerprint(const Snapshot& tree, const StoreLayout& layout, const HostName& self);

  bool operator==(const Fingerprint&) const = default;

 private:
  std::map<std::string, Revision> revisions_;  // of records, head, claims and facts
  std::map<std::string, std::pair<std::int64_t, bool>> realised_;
};

// Writes the records and then the head, and keeps them in World::memory; the cluster then has that head.
// Precondition: the cluster was read under `lock`, or its fingerprint holds. Errors: as execute_records();
// as State.
Status write(const Task& task, World& world, Cluster& cluster, const Draft& draft, StoreLock& lock,
             const std::string& apply_id, const Progress& progress);

// Whoever writes records keeps them where no host's own state does. A place that can't keep them remembers
// nothing, and that is all. Errors: as State, but for those.
Status keep_what_was_written(const Task& task, const World& world, const Cluster& cluster,
                             const Draft& draft);

// Where this place stands from now on, and the records there. Errors: as State.
Status keep_records(State& state, const Task& task, const World& world, const Cluster& cluster,
                    const Draft& draft);

}  // namespace ovl
