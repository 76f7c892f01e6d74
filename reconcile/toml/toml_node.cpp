#include "reconcile/toml/toml_node.hpp"

#include <algorithm>

namespace ovl {

const TomlMember* TomlNode::find(std::string_view key) const {
  const auto found = std::ranges::find(members, key, &TomlMember::key);
  return found != members.end() ? &*found : nullptr;
}

std::string_view words_for(TomlNode::Kind kind) {
  switch (kind) {
    case TomlNode::Kind::table: return "a table";
    case TomlNode::Kind::array: return "an array";
    case TomlNode::Kind::string: return "a string";
    case TomlNode::Kind::integer: return "a whole number";
    case TomlNode::Kind::floating: return "a floating-point number";
    case TomlNode::Kind::boolean: return "true or false";
    case TomlNode::Kind::date_time: return "a date or time";
  }
  return "nothing";
}

}  // namespace ovl
