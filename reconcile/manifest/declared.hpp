// Where a manifest says what it says of one block.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/manifest/manifest.hpp"

namespace ovl {

struct DeclaredValue {
  std::string key;  // "mtu", "networks.my-net.address"; empty: the block's header
  Place place;
};

// Of [kind.NAME], in the order of the files: kind is host, network or endpoint, the name compared without
// case. Empty: no file declares it.
std::vector<DeclaredValue> declared_values(const Sources& sources, std::string_view kind,
                                           std::string_view name);

}  // namespace ovl
