// Hosts of which somebody has said that their machine is gone for good, or for long. Their status says so,
// till they come back and overwrite it with what they have realised. Meanwhile nobody waits for them, what
// they have stays theirs, and nobody takes their tunnels' packets: they may know VNIs that others have by
// now.
#pragma once

#include <string>
#include <vector>

#include "model/plan/objects.hpp"
#include "reconcile/store/store_view.hpp"
#include "state/state.hpp"

namespace ovl {

bool is_lost(const HostStatus& status);

// The same of a status as it stands in the store.
bool tells_of_loss(const std::string& status);

// Those of the view, sorted.
std::vector<HostName> lost_hosts(const StoreView& view);

// Whose tunnels' packets this cluster's filter drops, as its host's own namespace was observed (nullptr: it
// was not); sorted.
std::vector<HostName> refused_by(const NamespaceObjects* here, const Label& cluster, const Records& records);

// What a host has not followed yet of who is lost and who is back: "still refuses n3, which is back". Empty:
// nothing, or its build does not say.
std::string unheard_of_loss(const StoreView& view, const Records& records, const HostName& host);

// Who says so, and when.
struct LossWord {
  std::string who;        // "root@n1"
  std::int64_t when = 0;  // seconds since the epoch
};

// Says that the machine of a host of the records is lost. Errors: not_found when there is no such host, guard
// while it is present, stale when it has spoken just now; as the store.
Status say_lost(Keystore& store, const StoreLayout& layout, const HostName& host, const LossWord& word);

// Keeps them, for a host that can't ask the store. Errors: as the state.
Status remember_lost(State& state, const std::vector<HostName>& lost);

// Those that remember_lost() kept last. Errors: as the state, and corrupt.
Result<std::vector<HostName>> recall_lost(const State& state);

// What a host that fails says: who was lost stays so until it has caught up.
std::string result_of_failure(const HostStatus& before, const std::string& text);

}  // namespace ovl
