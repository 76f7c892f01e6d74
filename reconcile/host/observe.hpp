// Stage "observe", host side: what to look at, and the look itself.
#pragma once

#include <vector>

#include "drivers/kernel/kernel.hpp"
#include "model/manifest/manifest.hpp"
#include "reconcile/objects/adopt.hpp"
#include "reconcile/objects/diff_objects.hpp"
#include "state/state.hpp"

namespace ovl {

// Whether the manifest or, without one, the records know this host.
bool is_declared(const HostName& host, const Manifest* manifest, const Records& records);

// What this host's facts are to be read for. Errors: manifest, when neither manifest nor records know
// the host.
Result<FactsRequest> facts_request(const HostName& host, const Manifest* manifest, const Records& records);

// The sysctls that earlier applies changed.
Result<std::vector<ChangedSysctl>> changed_sysctls(const State& state);

// Where what is ours is looked for.
enum class Look : std::uint8_t {
  as_remembered,  // where the state says; everywhere, when it may be older than the kernel's objects
  everywhere      // wherever our marks are
};

// The namespaces that hold something of ours beside the desired ones; sorted.
Result<std::vector<NetnsName>> known_namespaces(Kernel& kernel, const State& state, Look look);

// Reads the namespaces of `desired` and all others that hold something of ours. With what stands on the links
// that may be taken over.
Result<HostObjects> observe(Kernel& kernel, const State& state, const HostObjects& desired,
                            const std::vector<ChangedSysctl>& changed, const Adoption& adoption = {},
                            Look look = Look::as_remembered);

// What the switches of this host's own namespace say.
struct HostSwitches {
  // Those of the uplinks that forward IPv4 only because ovl told them to, or will: their value was 0 before,
  // and the host's global switch, which sets every device's, is off. Where the state does not know what it
  // was before, this cluster's filter tells that still has them. One that was renamed is known by a name that
  // is gone, and by being new to the filter.
  std::vector<IfName> opened;
  // The switches, as Sysctl::path, that let bridged frames pass the filters of IP: those that the kernel has.
  std::vector<std::string> bridge_filters;
  // Whether another program drops what comes in or leaves here unless its rules take it (NFT policy drop): as
  // a rule they take what conntrack has a state for.
  bool needs_states = false;
};

// Errors: as Kernel and State.
Result<HostSwitches> host_switches(Kernel& kernel, const Label& cluster,
                                   const std::vector<ChangedSysctl>& changed,
                                   const std::vector<IfName>& uplinks);

// Adds to `changed` what only this cluster's filter knows, in what was seen of this host: which devices ovl
// opened. True when something was added whose value is yet to be seen.
bool recall_opened(const HostObjects& seen, const Label& cluster, std::vector<ChangedSysctl>& changed);

// Where somebody has made this host a router meanwhile, by the switch that sets every device's forwarding, a
// device goes on forwarding when ovl needs it no more.
void heed_router(const HostObjects& seen, std::vector<ChangedSysctl>& changed);

}  // namespace ovl
