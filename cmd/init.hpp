// ovl init: writes a first manifest that explains itself.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

namespace ovl {

struct InitOptions {
  std::string directory = ".";
};

// The manifest that init writes. It is valid as it stands.
std::string_view starter_manifest();

// Writes ovl.toml into the directory. Answers the exit code: 0, or 1 when there is one already or it
// can't be written.
int init(const InitOptions& options, std::ostream& out, std::ostream& err);

}  // namespace ovl
