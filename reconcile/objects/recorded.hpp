// What this host's state says that ovl made here: the last good records, and the objects that follow from
// them and the last good facts. No object has a row of its own that could contradict them.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "model/plan/objects.hpp"
#include "model/records/records.hpp"
#include "reconcile/objects/filters.hpp"
#include "reconcile/words/change_name.hpp"
#include "state/state.hpp"

namespace ovl {

struct Recorded {
  Label cluster;
  HostName host;  // empty: this host has applied nothing yet
  std::string lineage;
  std::int64_t serial = 0;
  Records records;                    // of the whole cluster
  HostObjects objects;                // of this host
  std::vector<Original> originals;    // what it changed
  std::vector<ChangeName> forgotten;  // let go by hand: in none of the above any more
};

// keystores: those that the host's filter keeps endpoints from. Errors: as State, and corrupt.
Result<Recorded> read_recorded(const State& state, const Label& cluster,
                               const std::vector<KeystoreAddress>& keystores);

// One recorded thing under its address, as plans write it.
struct RecordedItem {
  ChangeName name;
  bool is_record = false;  // else an object of this host
  Value value;
};

// What concerns this host, in the order in which it is made: its record, those of its networks and
// endpoints, then its objects.
std::vector<RecordedItem> items_of(const Recorded& recorded);

// Keeps in the state that these were let go; empty: none is any more.
Status remember_forgotten(State& state, std::span<const ChangeName> names);

}  // namespace ovl
