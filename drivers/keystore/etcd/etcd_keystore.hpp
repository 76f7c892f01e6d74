// The etcd driver of the keystore port.
#pragma once

#include "drivers/keystore/keystore.hpp"
#include "drivers/keystore/url.hpp"

namespace ovl {

// Errors: as open_keystore().
Result<std::unique_ptr<Keystore>> open_etcd(const KeystoreUrl& url, const KeystoreOptions& options);

}  // namespace ovl
