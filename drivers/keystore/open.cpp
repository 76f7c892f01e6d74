// The one place that knows which drivers there are.
#include <fmt/format.h>

#include "drivers/keystore/keystore.hpp"
#include "drivers/keystore/module.hpp"
#include "drivers/keystore/sqlite/keystore.hpp"
#include "drivers/module/module.hpp"

namespace ovl {

namespace {

// The driver's file, as in "ovl-etcd.so".
std::string_view module_of(StoreKind kind) {
  switch (kind) {
    case StoreKind::sqlite: break;
    case StoreKind::etcd: return "etcd";
    case StoreKind::consul: return "consul";
    case StoreKind::zookeeper: return "zookeeper";
  }
  return {};
}

Status check_transport(const KeystoreUrl& url, const KeystoreOptions& options) {
  if (url.is_local() || options.allow_plaintext || options.has_tls()) return {};
  return Error{.code = Errc::guard,
               .message = fmt::format("{} would be spoken to in plain text", url.text()),
               .hint = url.kind == StoreKind::zookeeper
                           ? "set allow_plaintext = true in [keystore], and go through a tunnel"
                           : "give tls = { ca = \"file:...\" } in [keystore], or set allow_plaintext = true"};
}

}  // namespace

Result<std::unique_ptr<Keystore>> open_keystore(const KeystoreOptions& options) {
  OVL_TRY(KeystoreUrl url, parse_keystore_url(options.url));
  if (url.kind == StoreKind::sqlite) {
    OVL_TRY(auto store, SqliteKeystore::open({.path = std::move(url.path), .timeout = options.timeout}));
    return std::unique_ptr<Keystore>(std::move(store));
  }
  OVL_CHECK(check_transport(url, options));
  OVL_TRY(const void* module, load_module(module_of(url.kind), kKeystoreSymbol, options.driver_directory));
  return static_cast<const KeystoreModule*>(module)->open(url, options);
}

}  // namespace ovl
