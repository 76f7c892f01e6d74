// Stage "observe", host side: what to look at, and the look itself.
#pragma once

#include <vector>

#include "drivers/kernel/kernel.hpp"
#include "model/manifest.hpp"
#include "reconcile/adopt.hpp"
#include "reconcile/diff_objects.hpp"
#include "state/state.hpp"

namespace ovl {

// Whether the manifest or, without one, the records know this host.
bool is_declared(const HostName& host, const Manifest* manifest, const Records& records);

// What this host's facts are to be read for. Errors: manifest, when neither manifest nor records know
// the host.
Result<FactsRequest> facts_request(const HostName& host, const Manifest* manifest, const Records& records);

// The sysctls that earlier applies changed.
Result<std::vector<ChangedSysctl>> changed_sysctls(const State& state);

// Reads the namespaces of `desired` and all others that hold something of ours: those the state knows,
// or, without a state, those that carry our marks. With what stands on the links that may be taken over.
Result<HostObjects> observe(Kernel& kernel, const State& state, const HostObjects& desired,
                            const std::vector<ChangedSysctl>& changed, const Adoption& adoption = {});

// Those of `uplinks` that forward IPv4 only because ovl told them to, or will: their value was 0 before,
// and the host's global switch, which sets every device's, is off. Errors: as Kernel and State.
Result<std::vector<IfName>> opened_devices(Kernel& kernel, const std::vector<ChangedSysctl>& changed,
                                           const std::vector<IfName>& uplinks);

}  // namespace ovl
