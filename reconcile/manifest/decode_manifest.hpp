// Trees of TOML to manifest values, block by block, against the tables of model/manifest_schema. What
// needs more than one block to judge is check_manifest's.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "reconcile/toml/toml_node.hpp"

namespace ovl {

struct Decoded {
  Manifest manifest;
  // Blocks of which a value was refused, as "network.my-net": what depends on them isn't judged.
  std::set<std::string> damaged;
  // False when a file could not be read: a name that is nowhere may be in it.
  bool complete = true;
};

// One tree per file. A block with a refused value is still among the manifest's, without that value.
Decoded decode_manifest(const std::vector<TomlNode>& files, Diagnostics& diagnostics);

}  // namespace ovl
