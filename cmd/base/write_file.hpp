// A file as a whole or not at all.
#pragma once

#include <sys/types.h>

#include <string>

#include "model/base/result.hpp"

namespace ovl {

// Written beside, then renamed over `path`, so that whoever reads it sees the old or the new one. `mode`:
// permission bits, whatever the umask is. Errors: io.
Status write_whole_file(const std::string& path, const std::string& text, mode_t mode);

// The same in the place of a file, with its permissions and, where the caller may give it away, its owner.
// Where a link has come instead of it, nothing is written. Errors: io.
Status replace_whole_file(const std::string& path, const std::string& text);

}  // namespace ovl
