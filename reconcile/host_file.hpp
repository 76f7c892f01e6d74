// A host's own file with [keystore]: what the host says where a manifest is somebody else's words.
#pragma once

#include "reconcile/parse.hpp"

namespace ovl {

// Only the manifest's keystore is filled. Diagnostics: as of a manifest's [keystore]; any other block is one.
Parsed parse_host_keystore(const Sources& files);

}  // namespace ovl
