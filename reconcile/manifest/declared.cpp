#include "reconcile/manifest/declared.hpp"

#include <algorithm>
#include <cctype>

#include "reconcile/toml/toml_node.hpp"

namespace ovl {

namespace {

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

void add_members(const TomlNode& table, const std::string& lead, std::vector<DeclaredValue>& out) {
  for (const TomlMember& member : table.members) {
    const std::string key = lead + member.key;
    out.push_back({.key = key, .place = member.place});
    if (member.value.kind == TomlNode::Kind::table) add_members(member.value, key + ".", out);
  }
}

void add_block(const TomlNode& tree, std::string_view kind, std::string_view name,
               std::vector<DeclaredValue>& out) {
  const TomlMember* blocks = tree.find(kind);
  if (blocks == nullptr) return;
  for (const TomlMember& block : blocks->value.members) {
    if (!same_name(block.key, name)) continue;
    out.push_back({.key = {}, .place = block.place});
    add_members(block.value, "", out);
  }
}

}  // namespace

std::vector<DeclaredValue> declared_values(const Sources& sources, std::string_view kind,
                                           std::string_view name) {
  std::vector<DeclaredValue> out;
  Diagnostics ignored;  // whoever has parsed these files before has shown them
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const auto tree = read_toml(sources[i], static_cast<std::uint32_t>(i), ignored);
    if (tree) add_block(*tree, kind, name, out);
  }
  return out;
}

}  // namespace ovl
