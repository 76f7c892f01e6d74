// Files that a command writes for somebody, and that are nobody's manifest.
#pragma once

#include <string>
#include <vector>

#include "model/base/result.hpp"

namespace ovl {

struct OutputPath {
  std::string option;    // "--out"
  std::string path;      // empty: not asked for
  bool is_toml = false;  // what is written is TOML: it may be called so, but takes the place of nothing
};

// Every *.toml of a folder is its manifest, so no output is called so, and none takes the place of what is
// read. manifest: the file or folder that was named, or empty. Errors: usage.
Status check_outputs(const std::vector<OutputPath>& outputs, const std::string& manifest);

}  // namespace ovl
