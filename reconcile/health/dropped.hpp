// What this host's filters have dropped, by reason, in words for people. Reads the counters of the tables
// that observe() gave; knows nothing of rules.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/plan/objects.hpp"

namespace ovl {

struct Dropped {
  std::string reason;  // as in the counter's name: "source"
  std::uint64_t packets = 0;

  bool operator==(const Dropped&) const = default;
};

// The sums of the tables of this host's own namespace and of its sandboxes, sorted by reason, those of 0
// packets too; since each table was first made. Names that no filter of ours has count for nothing.
std::vector<Dropped> dropped_by(const HostObjects& observed, const Label& cluster);

// "a VTEP's packet by an interface that does not lead back to it"; the reason itself when it is unknown.
std::string_view meaning_of_drop(std::string_view reason);

// What to look at when this grows; empty where it is nothing unusual.
std::string_view remedy_of_drop(std::string_view reason);

}  // namespace ovl
