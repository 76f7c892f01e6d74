#include "reconcile/store/store_place.hpp"

#include <algorithm>
#include <filesystem>

#include "drivers/keystore/url.hpp"

namespace ovl {

std::string store_place(const std::string& url) {
  auto parsed = parse_keystore_url(url);
  if (!parsed.ok()) return url;
  KeystoreUrl& store = parsed.value();
  std::ranges::sort(store.servers, {}, &StoreServer::text);
  if (store.kind == StoreKind::sqlite) {
    std::error_code error;
    const auto path = std::filesystem::weakly_canonical(store.path, error);
    if (!error) store.path = path.string();
  }
  return store.text();
}

}  // namespace ovl
