// Manifests come out of repositories that others write to: parsing must survive any bytes, say where
// the error is, and show nothing that moves a cursor. A NUL, NUL line break splits the input into files.
#include <cstdlib>
#include <string_view>

#include "reconcile/manifest/diagnostic_text.hpp"
#include "reconcile/manifest/parse.hpp"

namespace {

ovl::Sources sources_of(std::string_view bytes) {
  constexpr std::string_view kBorder("\0\0\n", 3);
  ovl::Sources sources;
  while (sources.size() < 4) {
    const auto end = bytes.find(kBorder);
    sources.push_back({.name = std::string(1, static_cast<char>('a' + sources.size())) + ".toml",
                       .text = std::string(bytes.substr(0, end))});
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(end + kBorder.size());
  }
  return sources;
}

bool is_safe(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && byte != '\n') || byte == 0x7f) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ovl::Sources sources = sources_of({reinterpret_cast<const char*>(data), size});
  const ovl::Parsed parsed = ovl::parse(sources);
  std::size_t shown = 0;
  for (const ovl::Diagnostic& diagnostic : parsed.diagnostics) {
    if (++shown > 20) break;
    if (diagnostic.place.line == 0 && diagnostic.id != "missing-block" && diagnostic.id != "too-large")
      std::abort();
    if (!is_safe(ovl::render(diagnostic, sources, false))) std::abort();
    if (ovl::diagnostic_value(diagnostic, sources).find("message") == nullptr) std::abort();
  }
  return 0;
}
