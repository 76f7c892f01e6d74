// Where whoever writes a cluster's records keeps lineage, head and records, so that a store that loses them
// is filled with the same again. Apart from a host's state, which has what that host stands at.
#pragma once

#include <optional>
#include <string>

#include "cmd/base/options.hpp"
#include "state/state.hpp"

namespace ovl {

struct MemoryPlace {
  std::string folder;  // of this account; empty: it has none
  std::string url;     // of the keystore: another store is another memory
  Label cluster;
};

// --state-dir, or the hook's repository; else /var/lib/ovl for root and ~/.local/state/ovl for others.
std::string memory_folder(const GlobalOptions& global, const PlanOptions& options);

// None where nothing can be kept, such as a CI job without a folder of its own: it remembers nothing then.
// To read, a memory that is not there is an empty one. One that is there and can't be
// opened is an error: a lost store would be taken for a new one.
Result<std::optional<State>> open_memory(const MemoryPlace& place, bool writable);

}  // namespace ovl
