// Files that decide what is allowed: read only when nobody but root and we could have written them. The one
// place that knows who can.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <string>

#include "model/base/handle.hpp"
#include "model/base/result.hpp"

namespace ovl {

// Whether the mode lets others than the owner write: a group, its members by an access list (whose mask
// stands in the group's bits), or everybody.
bool may_others_write(const struct stat& about);

// Why others than root and our user decide what is there: "belongs to user 7", "may be written by others".
// Empty: nobody else does. A folder with the sticky bit may be written by all (/tmp: what is ours there stays
// ours).
std::string others_word(const struct stat& about);

// A folder at an absolute path without symbolic links, opened with O_PATH. It, and every folder above it, is
// nobody else's by others_word(), as in sshd's safe_path(). What was checked is what is opened: the path is
// walked descriptor by descriptor. Errors: not_found, guard, io.
Result<UniqueFd> open_trusted_folder(const std::string& path);

// The content of a regular file in such a folder, which is nobody else's either. Errors: not_found (no such
// file), guard (others may write it, a link, no regular file, larger than `most` bytes), io.
Result<std::string> read_trusted_file(const std::string& path, std::size_t most);

// Whether what is at a path, behind any links, and every folder on its real way there, is nobody else's. For
// what a library reads by its name. Errors: guard, io.
Status check_trusted(const std::string& path);

}  // namespace ovl
