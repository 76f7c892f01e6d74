// A packed manifest lies in a cache that others may have written: any bytes are taken or refused, and what is
// taken packs to something that says the same. What is no archive is read as a manifest's text and packed.
#include <cstdlib>
#include <string_view>

#include "reconcile/manifest/manifest_archive.hpp"
#include "reconcile/manifest/parse.hpp"

namespace {

void pack_again(const ovl::Manifest& manifest) {
  const std::string packed = ovl::pack(manifest);
  const auto again = ovl::unpack(packed);
  if (!again.ok() || ovl::pack(again.value()) != packed) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto manifest = ovl::unpack(bytes);
  if (manifest.ok()) {
    pack_again(manifest.value());
    return 0;
  }
  const ovl::Parsed parsed = ovl::parse({{.name = "ovl.toml", .text = std::string(bytes)}});
  if (parsed.diagnostics.empty()) pack_again(parsed.manifest);
  return 0;
}
