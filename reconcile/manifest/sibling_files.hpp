// Files beside ovl.toml that somebody may not have meant to be the manifest: a Cargo.toml, another cluster's,
// a policy.
#pragma once

#include "model/manifest/manifest.hpp"

namespace ovl {

// Adds to the first error of each such file what makes ovl.toml the manifest alone, where the error looks
// like that: no TOML, blocks that nobody knows, or what ovl.toml has too.
void tell_of_siblings(const Sources& sources, Diagnostics& diagnostics);

}  // namespace ovl
