// Stage "resolve": manifest, records and facts in; desired records out, every value known. Pure.
// What the manifest leaves open keeps the value that the store already holds, else the lowest free
// one is chosen; the order of the manifest's blocks makes no difference.
#pragma once

#include <string>
#include <vector>

#include "model/manifest.hpp"

namespace ovl {

struct Resolved {
  Records records;
  Diagnostics problems;              // what only allocation can find: a full subnet, no free pool
  std::vector<std::string> waiting;  // what waits for a host's first fact
};

Resolved resolve(const Manifest& manifest, const Records& current, const Facts& facts);

}  // namespace ovl
