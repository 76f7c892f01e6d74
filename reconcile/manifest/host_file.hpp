// A host's own file with [keystore] and [cluster]: what the host says where a manifest is somebody else's
// words.
#pragma once

#include "reconcile/manifest/parse.hpp"

namespace ovl {

// Only the manifest's keystore and cluster are filled. Diagnostics: as of a manifest's; any other block is
// one.
Parsed parse_host_side(const Sources& files);

}  // namespace ovl
