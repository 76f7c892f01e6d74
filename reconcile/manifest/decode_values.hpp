// One TOML value to one value of the model, with an error at its place when it is not what the key
// takes. The building stones of decode_manifest.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/manifest/manifest_schema.hpp"
#include "reconcile/toml/reporter.hpp"
#include "reconcile/toml/toml_node.hpp"
#include "reconcile/words/utf8.hpp"

namespace ovl {

// The key whose value is being read, and what became of it.
struct Reading {
  Reporter& report;
  const KeySpec& key;
  bool failed = false;

  // "port" is a string, but should be a whole number.
  void wrong_type(const TomlNode& node, std::string_view wanted);
  void invalid(const TomlNode& node, const Error& error);
};

// Asks for a value that ovl chooses; see AutoKeys.
inline constexpr std::string_view kAuto = "auto";

// What to do about a reserved name.
inline constexpr const char* kReservedHint =
    "choose another name: \"ovl-\" begins ovl's own, \"outside\" and \"localhost\" have a meaning already";

// The reserved names: ovl-*, outside, localhost.
bool is_reserved_name(std::string_view name);

void read_value(Reading& in, const TomlNode& node, bool& out);
void read_value(Reading& in, const TomlNode& node, std::string& out);
void read_value(Reading& in, const TomlNode& node, Labels& out);
void read_value(Reading& in, const TomlNode& node, IpPrefix& out);
void read_value(Reading& in, const TomlNode& node, NetnsName& out);
void read_value(Reading& in, const TomlNode& node, SecretRef& out);
void read_value(Reading& in, const TomlNode& node, AdoptMode& out);
void read_value(Reading& in, const TomlNode& node, LinkLocal& out);
void read_value(Reading& in, const TomlNode& node, FrameTypes& out);
void read_value(Reading& in, const TomlNode& node, SourceCheck& out);
void read_value(Reading& in, const TomlNode& node, TtlCheck& out);

// "env:NAME" or "file:PATH"; nothing for other text.
std::optional<SecretRef> parse_secret(std::string_view text);
// An address, or the name of an interface.
void read_value(Reading& in, const TomlNode& node, std::variant<IpAddress, IfName>& out);

// The string of a node, or nullptr with an error.
const std::string* string_of(Reading& in, const TomlNode& node);

// What parse() reads from a string: names, addresses, MACs.
template <class T>

requires requires(std::string_view text) {
  T::parse(text);
}

void read_value(Reading& in, const TomlNode& node, T& out) {
  const std::string* text = string_of(in, node);
  if (text == nullptr) return;
  auto value = T::parse(*text);
  if (!value.ok()) return in.invalid(node, value.error());
  out = std::move(value).value();
}

template <class Tag, std::uint32_t Min, std::uint32_t Max>
void read_value(Reading& in, const TomlNode& node, Bounded<Tag, Min, Max>& out) {
  if (node.kind != TomlNode::Kind::integer) return in.wrong_type(node, in.key.type->text);
  auto value = Bounded<Tag, Min, Max>::from(node.integer);
  if (!value.ok()) return in.invalid(node, value.error());
  out = value.value();
}

template <class T>
void read_value(Reading& in, const TomlNode& node, Located<T>& out) {
  out.place = node.place;
  read_value(in, node, out.value);
}

template <class T>
void read_value(Reading& in, const TomlNode& node, std::optional<T>& out) {
  Reading one{.report = in.report, .key = in.key};
  T value{};
  read_value(one, node, value);
  in.failed = in.failed || one.failed;
  if (!one.failed) out = std::move(value);
}

// One value or an array of them, as the key's shape says; refused ones are left out.
template <class T>
void read_value(Reading& in, const TomlNode& node, std::vector<Located<T>>& out) {
  const Shape shape = in.key.type->shape;
  const bool array = node.kind == TomlNode::Kind::array;
  if (array ? shape == Shape::string : shape == Shape::strings) return in.wrong_type(node, in.key.type->text);
  const auto read_one = [&](const TomlNode& item) {
    std::optional<Located<T>> value;
    read_value(in, item, value);
    if (value) out.push_back(std::move(*value));
  };
  if (!array) return read_one(node);
  for (const TomlNode& item : node.items) read_one(item);
}

}  // namespace ovl
