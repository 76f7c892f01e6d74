#include "drivers/keystore/key_selection.hpp"

#include <algorithm>

namespace ovl {

namespace {

bool is_folder(std::string_view part) {
  return part.ends_with('/');
}

// The first key behind one key.
std::string after(std::string_view key) {
  return std::string(key) + '\0';
}

}  // namespace

bool KeySelection::knows(std::string_view key) const {
  if (!key.starts_with(prefix) || key.size() > limits.key_bytes) return false;
  if (parts.empty()) return true;
  const std::string_view below = key.substr(prefix.size());
  const auto behind = std::ranges::upper_bound(parts, below);
  if (behind == parts.begin()) return false;
  const std::string& part = *std::prev(behind);
  return is_folder(part) ? below.starts_with(part) : below == part;
}

bool KeySelection::leads_to(std::string_view key) const {
  if (knows(key)) return true;
  const std::string folder = std::string(key) + '/';
  return std::ranges::any_of(parts,
                             [&](const std::string& part) { return (prefix + part).starts_with(folder); });
}

std::optional<std::string> end_of_prefix(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (end.empty()) return std::nullopt;
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

std::vector<KeyRange> known_ranges(const KeySelection& what) {
  std::vector<KeyRange> out;
  for (const std::string& part : what.parts) {
    std::string first = what.prefix + part;
    auto end = is_folder(part) ? end_of_prefix(first) : after(first);
    out.push_back({.first = std::move(first), .end = std::move(end)});
  }
  if (out.empty()) out.push_back({.first = what.prefix, .end = end_of_prefix(what.prefix)});
  return out;
}

std::vector<KeyRange> other_ranges(const KeySelection& what) {
  std::vector<KeyRange> out;
  if (what.parts.empty()) return out;
  std::string first = what.prefix;
  for (KeyRange& known : known_ranges(what)) {
    out.push_back({.first = std::move(first), .end = std::move(known.first)});
    if (!known.end) return out;
    first = std::move(*known.end);
  }
  out.push_back({.first = std::move(first), .end = end_of_prefix(what.prefix)});
  return out;
}

}  // namespace ovl
