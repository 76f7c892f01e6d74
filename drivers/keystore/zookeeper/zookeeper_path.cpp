#include "drivers/keystore/zookeeper/zookeeper_path.hpp"

#include <fmt/format.h>

namespace ovl::zk {

namespace {

constexpr std::string_view kEmpty = "%empty";
constexpr std::string_view kServersOwn = "zookeeper";

bool is_plain(char byte) {
  return byte > ' ' && byte < '\x7f' && byte != '%' && byte != '/';
}

std::string escaped(char byte) {
  return fmt::format("%{:02X}", static_cast<unsigned char>(byte));
}

std::string encode(std::string_view text) {
  std::string out;
  for (const char byte : text) is_plain(byte) ? void(out += byte) : void(out += escaped(byte));
  return out;
}

std::optional<unsigned> digit(char byte) {
  if (byte >= '0' && byte <= '9') return static_cast<unsigned>(byte - '0');
  if (byte >= 'A' && byte <= 'F') return static_cast<unsigned>(byte - 'A' + 10);
  return std::nullopt;
}

std::optional<std::string> decode(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] != '%') {
      out += name[i];
      continue;
    }
    if (i + 2 >= name.size()) return std::nullopt;
    const auto high = digit(name[i + 1]);
    const auto low = digit(name[i + 2]);
    if (!high || !low) return std::nullopt;
    out += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return out;
}

}  // namespace

// PathUtils.validatePath() of the server names what is refused.
std::string name_of(std::string_view part, bool top) {
  if (part.empty()) return std::string(kEmpty);
  if (part == ".") return "%2E";
  if (part == "..") return "%2E%2E";
  if (top && part == kServersOwn) return escaped(part.front()) + std::string(part.substr(1));
  return encode(part);
}

std::optional<std::string> part_of(std::string_view name, bool top) {
  if (name == kEmpty) return std::string();
  auto part = decode(name);
  if (!part || name_of(*part, top) != name) return std::nullopt;
  return part;
}

std::string path_of(std::string_view root, std::string_view key) {
  std::string out(root);
  for (bool top = true;; top = false) {
    const auto slash = key.find('/');
    out += '/';
    out += name_of(key.substr(0, slash), top);
    if (slash == std::string_view::npos) return out;
    key.remove_prefix(slash + 1);
  }
}

// The leading byte keeps "." and ".." away.
std::string flat_name_of(std::string_view key) {
  return "=" + encode(key);
}

std::optional<std::string> key_of_flat_name(std::string_view name) {
  if (!name.starts_with('=')) return std::nullopt;
  return decode(name.substr(1));
}

std::string_view parent_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

}  // namespace ovl::zk
