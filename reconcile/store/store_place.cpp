#include "reconcile/store/store_place.hpp"

#include <algorithm>
#include <filesystem>

#include "drivers/keystore/url.hpp"

namespace ovl {

std::string store_place(const std::string& url) {
  // Memories and bindings are compared by this: with the text alone another order of the servers would be
  // another store, and the cluster in it a lost one.
  auto parsed = parse_keystore_url(url);
  // Equal text is still the same place, and anything else another one.
  if (!parsed.ok()) return url;
  KeystoreUrl& store = parsed.value();
  std::ranges::sort(store.servers, {}, &StoreServer::text);
  if (store.kind == StoreKind::sqlite) {
    std::error_code error;
    // Weakly, as the file need not be there yet, or not any more: that is just when the place is asked for.
    const auto path = std::filesystem::weakly_canonical(store.path, error);
    if (!error) store.path = path.string();
  }
  return store.text();
}

}  // namespace ovl
