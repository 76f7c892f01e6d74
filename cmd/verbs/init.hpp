// ovl init: writes a first manifest that explains itself.
#pragma once

#include <iosfwd>
#include <string>

namespace ovl {

struct InitOptions {
  std::string directory = ".";
};

// The one host of a first manifest.
struct StarterHost {
  std::string name = "node-a";
  std::string address = "192.168.50.10";
};

// The manifest that init writes. It is valid as it stands, and as `ovl fmt` would write it.
std::string starter_manifest(const StarterHost& host);

// Writes ovl.toml, for this machine as its host, into the directory, which is made. Answers the exit code:
// 0, or 1 when there is one already or it can't be written.
int init(const InitOptions& options, std::ostream& out, std::ostream& err);

}  // namespace ovl
