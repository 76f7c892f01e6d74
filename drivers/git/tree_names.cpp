#include "drivers/git/tree_names.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace ovl {

namespace {

// Code points that HFS+ leaves out when it compares names, as UTF-8 (utf8.c, next_hfs_char).
constexpr std::array<std::string_view, 16> kIgnoredByHfs{
    "\u200c", "\u200d", "\u200e", "\u200f", "\u202a", "\u202b", "\u202c", "\u202d",
    "\u202e", "\u206a", "\u206b", "\u206c", "\u206d", "\u206e", "\u206f", "\ufeff"};

std::string without_ignored(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    const auto ignored =
        std::ranges::find_if(kIgnoredByHfs, [&](std::string_view point) { return name.starts_with(point); });
    if (ignored != kIgnoredByHfs.end()) {
      name.remove_prefix(ignored->size());
      continue;
    }
    const char c = name.front();
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    name.remove_prefix(1);
  }
  return out;
}

bool is_dot_git(std::string_view name) {
  const std::string text = without_ignored(name);
  std::string_view plain = text;
  plain = plain.substr(0, plain.find(':'));
  while (plain.ends_with('.') || plain.ends_with(' ')) plain.remove_suffix(1);
  return plain == ".git" || plain == "git~1";
}

}  // namespace

std::string_view why_refused(std::string_view name) {
  if (name.empty()) return "an empty name";
  if (name == "." || name == "..") return "a name that leads out of its folder";
  if (name.find('/') != std::string_view::npos || name.find('\\') != std::string_view::npos) {
    return "a name with a slash in it";
  }
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::ranges::any_of(name, is_control)) return "a control character in a name";
  if (name.size() > 255) return "a name of more than 255 bytes";
  return is_dot_git(name) ? "a name that git keeps for itself" : "";
}

bool is_manifest_file(std::string_view name) {
  return name.ends_with(".toml") && !name.starts_with('.');
}

}  // namespace ovl
