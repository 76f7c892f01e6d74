// What keeps a host's overlays from working, found by asking: the store, the clock, the kernel, what a plan
// finds, and the peers, with the traffic that tunnels carry. Reads and probes; changes nothing.
#pragma once

#include <optional>

#include "drivers/kernel/kernel.hpp"
#include "drivers/keystore/keystore.hpp"
#include "reconcile/health/symptoms.hpp"
#include "reconcile/run/apply.hpp"
#include "reconcile/store/store_view.hpp"
#include "state/state.hpp"

namespace ovl {

struct Patient {
  Keystore* store = nullptr;  // null: it can't be reached, as `unplanned` says
  Label cluster;
  HostName host;                     // empty: not one of the declared hosts; peers are not asked
  Kernel* kernel = nullptr;          // to look for what is left over; null: not asked
  const State* state = nullptr;      // what this host remembers; null with `kernel`
  const Planned* planned = nullptr;  // what an apply would do, and finds; null: `unplanned` says why
  Error unplanned = {};
  std::optional<Error> refused = {};  // why `planned` is of this host alone, and not of the manifest
  std::string loss;                   // what the store lacks of what is remembered here; empty: nothing
  std::int64_t now = 0;               // seconds since the epoch
  std::string proc = "/proc";
  std::string run_directory = "/run/netns";
  std::chrono::milliseconds patience{1000};  // per probe
};

// Never fails as a whole: what can't be asked is a symptom itself.
std::vector<Symptom> examine(const Patient& patient);

}  // namespace ovl
