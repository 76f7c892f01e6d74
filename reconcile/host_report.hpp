// What a host says of itself in the keystore: how its last apply went, and since when that holds.
#pragma once

#include <string>

#include "reconcile/pipeline.hpp"

namespace ovl {

// Whether a refused record freezes what it is about: a head, a status or a claim does not.
bool freezes(const Finding& refused);

// "ok", or "frozen: 2 records refused" where the last good records stand in for what the store holds.
std::string good_result(const Request& request, const Planned& planned);

// After a verified apply.
HostStatus good_status(const Request& request, const Planned& planned, std::int64_t now,
                       const std::string& apply_id);

// After one that failed, with what still differed.
HostStatus failed_status(const Request& request, const Planned& planned, const Error& error, std::int64_t now,
                         const std::string& apply_id);

// What an apply would repair; the host stands where it stood.
HostStatus drift_status(const Request& request, const Planned& planned, std::int64_t now,
                        const std::string& apply_id);

// The addresses of the objects that a plan changes, at most kNamedObjects.
inline constexpr std::size_t kNamedObjects = 20;
std::vector<std::string> differing_objects(const Plan& plan);

}  // namespace ovl
