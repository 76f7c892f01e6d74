// Names in a git tree, as libgit2 hands them over, one per line: what is taken means nothing but a name in
// its folder, to a file system and to a terminal.
#include <cstdlib>
#include <string_view>

#include "drivers/git/tree_names.hpp"

namespace {

bool is_harmless(std::string_view name) {
  if (name.empty() || name == "." || name == "..") return false;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || c == '/') return false;
  }
  return name != ".git" && name != ".GIT";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  while (!bytes.empty()) {
    const std::string_view name = bytes.substr(0, bytes.find('\n'));
    bytes.remove_prefix(name.size() < bytes.size() ? name.size() + 1 : bytes.size());
    if (ovl::why_refused(name).empty() && !is_harmless(name)) std::abort();
    if (ovl::is_manifest_file(name) && !name.ends_with(".toml")) std::abort();
  }
  return 0;
}
