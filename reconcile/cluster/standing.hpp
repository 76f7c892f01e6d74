// Where a host stands, from what it last reported and what the cluster wants.
#pragma once

#include <string>

#include "reconcile/store/store_view.hpp"

namespace ovl {

struct Standing {
  // leftover: out of the records, and what it had is still there. drifted: something differs since it
  // applied.
  // lost: somebody has said that its machine is gone; nobody waits for it.
  enum class Kind : std::uint8_t { never, behind, failed, frozen, drifted, leftover, lost, current };

  Kind kind = Kind::never;
  std::string text;  // "never applied", "behind: generation 4", ...; may hold a host's own words
};

Standing standing_of(const StoreView& view, const HostName& host);

// The address that a host's interface has, where its record has another one: the others send to that until a
// manifest is applied. None: they are the same, or the record names no interface.
std::optional<IpAddress> untold_address(const HostRecord* record, const HostFacts* facts);

// The same where these are the records, and not the view's.
Standing standing_of(const StoreView& view, const Records& records, const HostName& host);

// The hosts of the records, and those that are out of them and have not removed yet what they had: sorted.
std::vector<HostName> hosts_of(const StoreView& view, const Records& records);

// "5m": how long a host's result and drift are what they are; empty when it never said.
std::string standing_since(const StoreView& view, const HostName& host, std::int64_t now);

// "present" while a long-running command of it holds its session, or who has suspended it and since when;
// else "last apply 5m ago" or "never". now: seconds since the epoch. May hold a host's own words.
std::string health_of(const StoreView& view, const HostName& host, std::int64_t now);

// "90s ago", "5m ago", "3h ago".
std::string ago(std::int64_t when, std::int64_t now);

// Of hosts_of() those that are not as the records say, and why; without those that are lost.
struct NotCurrent {
  HostName host;
  std::string why;
};

std::vector<NotCurrent> not_current(const StoreView& view, const Records& records);

}  // namespace ovl
