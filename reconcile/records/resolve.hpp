// Stage "resolve": manifest, records and facts in; desired records out, every value known. Pure.
// What the manifest leaves open keeps the value that the store already holds, whoever gave it, else the
// lowest free one is chosen; the order of the manifest's blocks makes no difference.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "model/manifest/manifest.hpp"

namespace ovl {

struct Resolved {
  Records records;
  Diagnostics problems;              // what only allocation can find: a full subnet, no free pool
  std::vector<std::string> waiting;  // what waits for a host's first fact
};

// What whoever resolves knows beside records and facts.
struct Surroundings {
  std::set<HostName> anew;  // hosts whose chosen gateway pool is not kept, as it is in use there by others
  std::vector<IpAddress> stores;  // the keystore's addresses: in no chosen pool or subnet
};

Resolved resolve(const Manifest& manifest, const Records& current, const Facts& facts,
                 const Surroundings& around = {});

}  // namespace ovl
