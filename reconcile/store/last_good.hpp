// The records as they last passed their validation, kept in this host's state. A refused record freezes
// its network or host: what this host has of it stays as the last good records say.
#pragma once

#include "reconcile/store/store_view.hpp"
#include "state/state.hpp"

namespace ovl {

// After a verified apply.
Status save_last_good(State& state, const Records& records, const Facts& facts, const Head& head);

// What this host remembers of a cluster whose tree is gone from the store; empty records when it
// remembers none. Errors: as State, and corrupt.
struct Remembered {
  Records records;
  Facts facts;
  std::string lineage;
  std::int64_t serial = 0;
};

Result<Remembered> remember(const State& state);

// Puts the last good records of frozen networks and hosts into the view's records, and the last good
// facts of frozen hosts into its facts. One that was not there at the last apply is left out: this host
// has nothing of it. What contradicts them is refused and frozen beside them, with the hosts that it is
// about. Errors: corrupt, when this host remembers nothing, or has begun with a network of which it has no
// good copy: then nothing on this host may be decided.
Status restore_frozen(const State& state, StoreView& view);

// The same from what the state held. begun: namespaces of ours, sorted.
Status restore_frozen(const StoredRecords& stored, const std::vector<NetnsName>& begun, StoreView& view);

// Refuses the own record of host `here`, whose address this machine does not have, as `why` says; false: it
// is not a new one, or nothing is known from before.
Result<bool> refuse_own_address(const State& state, const HostName& here, const std::string& why,
                                StoreView& view);

// Refuses another host's record whose new VTEP lies in the gateway pool of host `here`; and the own one, when
// its pool is what is new. Where nothing is known from before, project() says it.
Status keep_pool_apart(const State& state, const HostName& here, StoreView& view);

}  // namespace ovl
