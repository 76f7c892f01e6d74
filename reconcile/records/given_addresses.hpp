// Addresses that a manifest gives in networks whose subnets it leaves to the records: they have to be in
// those.
#pragma once

#include "model/manifest/manifest.hpp"
#include "model/records/records.hpp"

namespace ovl {

// Warnings, where no record is known: of such a network nothing tells yet whether its subnet holds them.
Diagnostics given_without_subnet(const Manifest& manifest);

// Errors of those that the networks' records don't hold, or hold at a place that is nobody's. records:
// resolved of this manifest.
Diagnostics given_outside(const Manifest& manifest, const Records& records);

}  // namespace ovl
