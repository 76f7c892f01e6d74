// What happened to a cluster, and who is at it: its generations and its lock, as the store tells them.
#pragma once

#include <optional>
#include <vector>

#include "reconcile/cluster/execute_records.hpp"

namespace ovl {

struct History {
  std::vector<GenerationRecord> generations;  // the newest first
  std::vector<Finding> refused;               // keys whose value is no generation
};

Result<History> read_history(Keystore& store, const StoreLayout& layout);

// The store's lock as it is held. `id` names this holding of it: the lock's next holder has another.
struct HeldLock {
  Revision id = 0;
  std::optional<StoreLock::Holder> holder;  // absent: it does not say
};

Result<std::optional<HeldLock>> read_lock(Keystore& store, const StoreLayout& layout);

// Takes the lock from its holder, whose writes are refused from then on.
// Errors: not_found (nobody holds it), stale (somebody else does by now).
Status break_lock(Keystore& store, const StoreLayout& layout, Revision id);

}  // namespace ovl
