// The host's own list of namespaces that somebody else's manifest or records may take.
#pragma once

#include "reconcile/objects/netns_list.hpp"

namespace ovl {

inline constexpr const char* kHostNetnsFile = "/etc/ovl/netns.toml";

// Absent: an empty list. Errors: guard (a file that others can write), manifest (it is invalid), io.
Result<NetnsList> read_netns_list(const std::string& path = kHostNetnsFile);

}  // namespace ovl
