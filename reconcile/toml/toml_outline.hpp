// The headers and keys of a TOML text with their places, read without the TOML library: it says that
// a name is defined again, but not where it was defined first.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/manifest/manifest.hpp"

namespace ovl {

struct TomlStatement {
  std::vector<std::string> path;  // {"host", "a", "advertise"}; an array's element adds "[2]"
  Place place;                    // of the last segment
  bool header = false;            // [a.b], not a key
};

// All statements outside of inline tables, in order; the elements of [[array]] are not among them.
// Made for texts that guard_toml() accepts; a malformed statement ends where its line does.
std::vector<TomlStatement> outline_toml(std::string_view text, std::uint32_t file);

// An error for each name that is defined twice; both places are shown.
Diagnostics find_redefinitions(std::string_view text, std::uint32_t file);

}  // namespace ovl
