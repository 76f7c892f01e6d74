// A file as a whole or not at all.
#pragma once

#include <sys/types.h>

#include <string>

#include "model/result.hpp"

namespace ovl {

// Written beside, then renamed over `path`, so that whoever reads it sees the old or the new one. `mode`:
// permission bits, whatever the umask is. Errors: io.
Status write_whole_file(const std::string& path, const std::string& text, mode_t mode);

}  // namespace ovl
