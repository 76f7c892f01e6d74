// What keeps a host's overlays from working, found by asking: the store, the clock, the peers, the
// kernel's settings. Reads and probes; changes nothing.
#pragma once

#include <string>
#include <vector>

#include "drivers/kernel/kernel.hpp"
#include "drivers/keystore/keystore.hpp"
#include "reconcile/store_view.hpp"
#include "state/state.hpp"

namespace ovl {

struct Symptom {
  enum class Level : std::uint8_t { good, note, problem };

  Level level = Level::good;
  std::string check;   // "store", "peer mhs-demo1", ...
  std::string text;    // what was found
  std::string remedy;  // of notes and problems
};

struct Patient {
  Keystore* store = nullptr;
  Label cluster;
  HostName host;                 // empty: not one of the declared hosts; peers are not asked
  Kernel* kernel = nullptr;      // to look for what is left over; null: not asked
  const State* state = nullptr;  // what this host remembers; null with `kernel`
  std::int64_t now = 0;          // seconds since the epoch
  std::string proc = "/proc";
  std::chrono::milliseconds patience{1000};  // per probe
};

// Never fails as a whole: what can't be asked is a symptom itself.
std::vector<Symptom> examine(const Patient& patient);

}  // namespace ovl
