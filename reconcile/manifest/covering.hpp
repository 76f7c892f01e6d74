// Declared subnets that hold what hosts and the keystore are reached by.
#pragma once

#include "model/manifest/manifest.hpp"

namespace ovl {

// A warning ("subnet-covers") for each declared subnet, of networks and gateway pools, that holds the address
// of a host, advertised or bound, or of the keystore, with the place of both. For a manifest without errors.
Diagnostics covering_subnets(const Manifest& manifest);

}  // namespace ovl
