// A dump as TOML: one table per key, so that a person can read and edit it.
#include <fmt/format.h>

#include "reconcile/cluster/transfer.hpp"
#include "reconcile/toml/toml_node.hpp"

namespace ovl {

namespace {

std::string inline_toml(const Value& value);

// A TOML basic string has JSON's escapes (TOML 1.0, "String").
std::string quoted(const std::string& text) {
  return Value(text).json();
}

std::string inline_table(const Value::Object& members) {
  std::string out = "{";
  for (const auto& [key, value] : members) {
    out += fmt::format("{}{} = {}", out.size() > 1 ? ", " : " ", quoted(key), inline_toml(value));
  }
  return out + " }";
}

std::string inline_toml(const Value& value) {
  if (const auto* items = value.as_array()) {
    std::string out = "[";
    for (const Value& item : *items) out += (out.size() > 1 ? ", " : "") + inline_toml(item);
    return out + "]";
  }
  if (const auto* members = value.as_object()) return inline_table(*members);
  return value.json();
}

void append_table(std::string& out, const std::string& key, const Value& value) {
  const auto* members = value.as_object();
  if (members == nullptr) return;
  out += fmt::format("\n[records.{}]\n", quoted(key));
  for (const auto& [name, item] : *members) {
    if (!item.is_null()) out += fmt::format("{} = {}\n", quoted(name), inline_toml(item));
  }
}

Result<Value> value_of(const TomlNode& node);

Result<Value> value_of_table(const TomlNode& node) {
  Value out = Value::object();
  for (const TomlMember& member : node.members) {
    OVL_TRY(Value item, value_of(member.value));
    out.set(member.key, std::move(item));
  }
  return out;
}

Result<Value> value_of_array(const TomlNode& node) {
  Value out = Value::array();
  for (const TomlNode& item : node.items) {
    OVL_TRY(Value value, value_of(item));
    out.push(std::move(value));
  }
  return out;
}

Result<Value> value_of(const TomlNode& node) {
  switch (node.kind) {
    case TomlNode::Kind::table: return value_of_table(node);
    case TomlNode::Kind::array: return value_of_array(node);
    case TomlNode::Kind::string: return Value(node.text);
    case TomlNode::Kind::integer: return Value(node.integer);
    case TomlNode::Kind::boolean: return Value(node.boolean);
    case TomlNode::Kind::floating:
    case TomlNode::Kind::date_time: break;
  }
  return Error{.code = Errc::corrupt,
               .message = fmt::format("line {}: no record holds {}", node.place.line, words_for(node.kind))};
}

}  // namespace

std::string to_toml(const Value& value) {
  std::string out;
  const Value* cluster = value.find("cluster");
  const Value* records = value.find("records");
  if (cluster != nullptr) out += fmt::format("cluster = {}\n", cluster->json());
  if (records == nullptr || records->as_object() == nullptr) return out;
  std::string plain = "\n[records]\n";
  std::string tables;
  for (const auto& [key, item] : *records->as_object()) {
    if (item.as_object() == nullptr) {
      plain += fmt::format("{} = {}\n", quoted(key), inline_toml(item));
    } else {
      append_table(tables, key, item);
    }
  }
  return out + plain + tables;
}

Result<Value> value_of_toml(const std::string& text) {
  Diagnostics diagnostics;
  const auto node = read_toml(SourceFile{.name = "export", .text = text}, 0, diagnostics);
  if (node) return value_of(*node);
  const Diagnostic& first = diagnostics.front();
  return Error{.code = Errc::corrupt,
               .message = fmt::format("line {}: {}", first.place.line, first.message),
               .hint = first.hint};
}

}  // namespace ovl
