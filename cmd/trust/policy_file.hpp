// The policy of this host: what no manifest can override.
#pragma once

#include <optional>
#include <string>

#include "model/plan/policy.hpp"

namespace ovl {

// Where a host's policy lies when no other file is named. Need not exist.
inline constexpr const char* kHostPolicy = "/etc/ovl/policy.toml";

// Reads `path`, or where none is named kHostPolicy; nothing when that one does not exist. Only a file that
// nobody but root and we may write counts, see read_trusted_file(). Prints its diagnostics on stderr.
// Errors: guard (others may write it, or it is invalid), not_found (a named file is not there), io.
Result<std::optional<Policy>> read_host_policy(const std::string& path);

}  // namespace ovl
