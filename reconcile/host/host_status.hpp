// What a host says of itself in the keystore: how its last apply went, and since when that holds.
#pragma once

#include <string>
#include <vector>

#include "reconcile/host/planned.hpp"

namespace ovl {

// Whether a refused record freezes what it is about: a head, a status or a claim does not.
bool freezes(const Finding& refused);

// "ok", or "frozen: 2 records refused" where the last good records stand in for what the store holds.
std::string good_result(const Planned& planned);

// After a verified apply, with what differs in the parts that it left as they are.
HostStatus good_status(const Planned& planned, std::int64_t now, const std::string& apply_id);

// After one that failed, with what still differed.
HostStatus failed_status(const Planned& planned, const Error& error, std::int64_t now,
                         const std::string& apply_id);

// Of an attempt that failed: "commit 0123456789ab: MESSAGE", or the message alone where there is no commit.
std::string failure_text(const std::string& commit, const Error& error);

// Says in a host's status what it fails at before it has a plan to carry out; where it stands is kept.
// Nothing where it says so already, or is not in the records. Errors: as the store.
Status tell_failure(Keystore& store, const StoreLayout& layout, const HostName& host, std::string text,
                    std::int64_t now);

// What an apply would repair; the host stands where it stood, and when it applied last.
HostStatus drift_status(const Planned& planned, std::int64_t now);

// Whether the others know all that a good_status() says, but for when.
bool is_published(const Planned& planned);

// Objects that are not as they shall be: how many, and the addresses of the first kNamedObjects.
inline constexpr std::size_t kNamedObjects = 20;

struct Differing {
  std::size_t count = 0;
  std::vector<std::string> names;
};

// Those that a plan changes or, when it only refreshes, would change; and those that it leaves as they are.
Differing differing_objects(const Plan& plan);

// The addresses of all that a plan leaves as they are, sorted; those that are in the way come first.
std::vector<std::string> left_objects(const Plan& plan);

}  // namespace ovl
