// A keystore's URL comes out of manifests: any text is taken or refused, and what is taken names one store.
#include <cstdlib>
#include <string_view>

#include "drivers/keystore/url.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto url = ovl::parse_keystore_url({reinterpret_cast<const char*>(data), size});
  if (!url.ok()) {
    if (url.error().message.empty()) std::abort();
    return 0;
  }
  const auto again = ovl::parse_keystore_url(url.value().text());
  if (!again.ok() || again.value().text() != url.value().text()) std::abort();
  return 0;
}
