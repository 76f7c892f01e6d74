// Files that decide what is allowed: read only when nobody but root and we could have written them.
#pragma once

#include <cstddef>
#include <string>

#include "model/result.hpp"

namespace ovl {

// The content of a regular file at an absolute path without symbolic links. It, and every folder above it,
// belongs to root or to our user, and no other user may write there; a folder with the sticky bit may be
// written by all (/tmp: what is ours there stays ours). The rules are those of sshd's safe_path(), plus the
// links. What was checked is what is read: the path is walked descriptor by descriptor.
// Errors: not_found (no such file), guard (others may write it, a link, no regular file, larger than `most`
// bytes), io.
Result<std::string> read_trusted_file(const std::string& path, std::size_t most);

}  // namespace ovl
