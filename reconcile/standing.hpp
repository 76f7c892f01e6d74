// Where a host stands, from what it last reported and what the cluster wants.
#pragma once

#include <string>

#include "reconcile/store_view.hpp"

namespace ovl {

struct Standing {
  enum class Kind : std::uint8_t { never, behind, failed, frozen, current };

  Kind kind = Kind::never;
  std::string text;  // "never applied", "behind: generation 4", ...; may hold a host's own words
};

Standing standing_of(const StoreView& view, const HostName& host);

// "5m": how long a host's result and drift are what they are; empty when it never said.
std::string standing_since(const StoreView& view, const HostName& host, std::int64_t now);

// "present" while a long-running command of it holds its session, else "seen 5m ago" or "never".
// now: seconds since the epoch.
std::string health_of(const StoreView& view, const HostName& host, std::int64_t now);

// "90s ago", "5m ago", "3h ago".
std::string ago(std::int64_t when, std::int64_t now);

// Hosts of the records that do not stand at head's generation, by name.
std::vector<std::string> not_current(const StoreView& view);

}  // namespace ovl
