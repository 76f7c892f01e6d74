// Saved plans: one JSON document in a file, with a mark and a format number, so that another file or
// another version is told from a plan, and a digest over all of it, so that a damaged or edited one is.
// Whoever edits can make a new digest: what a plan says is compared again before it is applied, and nobody
// but root and this user may have written it. Knows nothing of what a plan says.
#pragma once

#include <string>

#include "model/base/value.hpp"

namespace ovl {

// Replaces the file whole or not at all (temporary file, sync, rename; mode 0600) and durably.
// Errors: io (path is a link, a directory, a device), privilege.
Status write_plan_file(const std::string& path, const Value& plan);

// At most 64 MiB. Errors: not_found, io (no regular file, too large), guard (others may write it or put
// another in its place), privilege, corrupt (no saved plan, damaged, edited), unsupported (a newer format).
Result<Value> read_plan_file(const std::string& path);

}  // namespace ovl
