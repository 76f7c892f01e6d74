// The one place that knows which drivers there are.
#include <fmt/format.h>

#include "drivers/keystore/keystore.hpp"
#include "drivers/keystore/sqlite_keystore.hpp"
#include "drivers/keystore/url.hpp"

namespace ovl {

Result<std::unique_ptr<Keystore>> open_keystore(const KeystoreOptions& options) {
  OVL_TRY(KeystoreUrl url, parse_keystore_url(options.url));
  if (url.kind != StoreKind::sqlite) {
    return Error{.code = Errc::unsupported,
                 .message = fmt::format("this build has no {} driver", store_name(url.kind)),
                 .hint = "use sqlite:///path, or a build with that driver"};
  }
  OVL_TRY(auto store, SqliteKeystore::open({.path = std::move(url.path), .timeout = options.timeout}));
  return std::unique_ptr<Keystore>(std::move(store));
}

}  // namespace ovl
