// Stage "execute", cluster scope: record changes as guarded transactions. Every write is guarded by
// the record's own revision and by the life of the lock; head goes last.
#pragma once

#include <string>
#include <vector>

#include "reconcile/base/commit.hpp"
#include "reconcile/base/progress.hpp"
#include "reconcile/store/store_lock.hpp"
#include "reconcile/store/store_view.hpp"

namespace ovl {

// Writes that belong together, each with its guard: a record, or a claim.
using Unit = Transaction;

// Packs units, in order, into as few transactions as the store takes, each fenced by the lock. A unit
// stays in one transaction. Told as the step "write records", in units.
// Errors: as commit().
Status commit_units(Keystore& store, std::vector<Unit> units, StoreLock& lock, const Progress& progress = {});

// Writes `desired` and then `head`, with `put_back` when it is one. Precondition: `view` was read under
// `lock`. Errors: guard when two records of `desired` would hold one claim, and nothing is written: a claim
// goes to another holder only when these records say that the former one does without it; stale when a guard
// does not hold: somebody wrote past the lock.
Status execute_records(Keystore& store, const StoreLayout& layout, const StoreView& view,
                       const Records& desired, const Head& head, StoreLock& lock,
                       const Progress& progress = {}, const std::optional<PutBack>& put_back = {});

// Publishes a host's facts together with its claim to its name. Errors: stale when another machine
// claimed it since the view was read.
Status publish_facts(Keystore& store, const StoreLayout& layout, const StoreView& view,
                     const HostFacts& facts);

// Publishes one host's status; written by that host alone, so without a lock.
Status publish(Keystore& store, const std::string& key, const Value& value);

}  // namespace ovl
