// What a keystore is opened with: its URL, and the secrets that the manifest refers to.
#pragma once

#include "drivers/keystore/keystore.hpp"
#include "model/manifest.hpp"
#include "reconcile/sources.hpp"

namespace ovl {

// `manifest` may be null: then the URL alone. Secrets are read here and go nowhere else; "file:PATH" is
// relative to the folder of the file in `sources` that declares the keystore.
// Errors: usage (no such environment variable), io (no such file), guard (a secret that others can read).
Result<KeystoreOptions> keystore_options(const std::string& url, const Manifest* manifest,
                                         const Sources& sources);

}  // namespace ovl
