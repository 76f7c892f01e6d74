// The records as they last passed their validation, kept in this host's state. A refused record freezes
// its network: what the host has of it stays as the last good records say.
#pragma once

#include "reconcile/store_view.hpp"
#include "state/state.hpp"

namespace ovl {

// After a verified apply.
Status save_last_good(State& state, const Records& records, const Head& head);

// What this host remembers of a cluster whose tree is gone from the store; empty records when it
// remembers none. Errors: as State, and corrupt.
struct Remembered {
  Records records;
  std::string lineage;
  std::int64_t serial = 0;
};

Result<Remembered> remember(const State& state);

// Puts the last good records of frozen networks into the view's records. Errors: corrupt, when a frozen
// network has no good copy here: then nothing on this host may be decided about it.
Status restore_frozen(const State& state, StoreView& view);

}  // namespace ovl
