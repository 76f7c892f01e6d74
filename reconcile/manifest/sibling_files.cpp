#include "reconcile/manifest/sibling_files.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

namespace ovl {

namespace {

constexpr std::array<std::string_view, 4> kSigns{"syntax", "unknown-block", "duplicate-name",
                                                 "host-only-key"};
constexpr std::string_view kMain = "ovl.toml";
constexpr std::string_view kRemedy =
    "all *.toml beside ovl.toml are part of the manifest; for ovl.toml alone, name it: ovl plan ovl.toml";

std::string_view folder_of(std::string_view name) {
  const auto slash = name.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : name.substr(0, slash + 1);
}

bool is_main(std::string_view name) {
  return name.substr(folder_of(name).size()) == kMain;
}

// By their place among the sources.
std::set<std::uint32_t> siblings_in(const Sources& sources) {
  std::set<std::string_view> folders;
  for (const SourceFile& source : sources) {
    if (is_main(source.name)) folders.insert(folder_of(source.name));
  }
  std::set<std::uint32_t> out;
  for (std::uint32_t i = 0; i < sources.size(); ++i) {
    if (!is_main(sources[i].name) && folders.contains(folder_of(sources[i].name))) out.insert(i);
  }
  return out;
}

// The sibling that an error is about: the one in which it stands, or whose block it meets. None: another
// file.
std::optional<std::uint32_t> sibling_of(const Diagnostic& diagnostic,
                                        const std::set<std::uint32_t>& siblings) {
  if (siblings.contains(diagnostic.place.file)) return diagnostic.place.file;
  for (const Diagnostic::Note& note : diagnostic.notes) {
    if (siblings.contains(note.place.file)) return note.place.file;
  }
  return std::nullopt;
}

}  // namespace

void tell_of_siblings(const Sources& sources, Diagnostics& diagnostics) {
  std::set<std::uint32_t> siblings = siblings_in(sources);
  for (Diagnostic& diagnostic : diagnostics) {
    if (siblings.empty()) return;
    if (std::ranges::find(kSigns, diagnostic.id.text()) == kSigns.end()) continue;
    const auto sibling = sibling_of(diagnostic, siblings);
    if (!sibling) continue;
    siblings.erase(*sibling);
    if (!diagnostic.hint.empty()) diagnostic.hint += "; ";
    diagnostic.hint += kRemedy;
  }
}

}  // namespace ovl
