// The page for people and the schema for editors, from the tables that the parser goes by.
#include "cmd/help/manifest_docs.hpp"

#include <fmt/format.h>

#include "model/base/value.hpp"
#include "model/manifest/manifest_schema.hpp"

namespace ovl {

namespace {

// ---- Markdown ----------------------------------------------------------------------------------

// What no single key can say: what is left out, what is kept, and which files are read.
constexpr std::string_view kPreface = R"(# The manifest

What a cluster's overlay networks shall be, in [TOML](https://toml.io/en/v1.0.0): one file, or a
directory of `*.toml` whose order makes no difference. Every block may stand in any of the files, each
once. Names are letters, digits and `-` (RFC 1123), compared without case; `ovl-*`, `outside` and
`localhost` are reserved. What is left out is chosen, recorded in the keystore and kept.

So is what was given once: `subnet`, `gateway`, `vni`, `port`, `gateway_pool`, `address` and `mac` stay as they are when
their key is left out again. A change of VNI or port that is taken back before all hosts have made it returns to the one
in use. To have a value chosen anew, ask for it: `vni = "auto"` gives up one that the manifest gave, and keeps one that
ovl chose; the port's is `port = 4789`. What is left out gives way to what is declared: a VNI, address or MAC that another
block gets, a gateway pool under a declared subnet.

Where no PATH is given, every command and hook reads all `*.toml` of the folder itself, and none below; a folder
that is named is read with all below it. A file that lies there and belongs to something else (`Cargo.toml`, a host's
policy, another cluster's) is never left out, and mostly an error: name the manifest's own file (`ovl plan ovl.toml`;
`--path ovl.toml` for hooks), or keep it in a folder of its own.

`ovl validate` reports all errors with their places. For editors there is a JSON Schema:
[manifest.schema.json](manifest.schema.json); those that use Taplo take it from a first line
`#:schema PATH/manifest.schema.json`.

Two lists of a manifest may make more of each other than either is long. `ovl validate` refuses that, and a host
freezes a network whose records would do it: more than 100,000 routes on one host, one to each subnet of a network for
each endpoint in it there (`too-many-routes`); more than 4 GiB of names in the hosts files of one host, where each
endpoint has the names of all in its networks (`too-many-names`). A hundred endpoints of a host in a network of 100,000
names are half a gigabyte.

This page is generated from the parser's tables (`gen-docs`).
)";

// A bar would end the cell of a table (GitHub Flavored Markdown, also inside of code).
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

std::string type_text(const KeySpec& key) {
  const ValueType& type = *key.type;
  if (type.shape != Shape::integer) return std::string(type.text);
  return fmt::format("{}, {} to {}", type.text, type.min, type.max);
}

// Bold, as who writes a block looks down this column for what it can't do without.
std::string default_text(const KeySpec& key) {
  if (key.required) return "**required**";
  return std::string(key.default_text);
}

std::string block_markdown(const BlockSpec& block) {
  std::string out = fmt::format("\n## `{}`\n\n{}\n\n", block.header, block.doc);
  out += "| key | value | default | meaning | example |\n|---|---|---|---|---|\n";
  for (const KeySpec& key : block.keys) {
    out += fmt::format("| `{}` | {} | {} | {} | `{} = {}` |\n", key.key, cell(type_text(key)),
                       cell(default_text(key)), cell(key.doc), key.key, cell(key.example));
  }
  return out;
}

// ---- JSON Schema -------------------------------------------------------------------------------

Value typed(std::string_view type) {
  Value out = Value::object();
  out.set("type", type);
  return out;
}

Value block_schema(const BlockSpec& block);

// The pattern is the parser's own rule where it can be said so; the rest is found by `ovl validate`.
Value string_schema(const ValueType& type) {
  Value out = typed("string");
  if (!type.pattern.empty()) out.set("pattern", type.pattern);
  return out;
}

Value list_schema(Value each) {
  Value out = typed("array");
  out.set("items", std::move(each));
  return out;
}

Value strings_schema(const ValueType& type) {
  return list_schema(string_schema(type));
}

Value count_schema() {
  Value out = typed("integer");
  out.set("minimum", 0);
  return out;
}

Value range_schema(const ValueType& type) {
  Value out = typed("integer");
  out.set("minimum", type.min);
  out.set("maximum", type.max);
  return out;
}

// anyOf and not oneOf: a text that fits both forms is no mistake.
Value either(Value first, Value second) {
  Value out = Value::object();
  out.set("anyOf", Value::Array{std::move(first), std::move(second)});
  return out;
}

Value table_of(Value each) {
  Value out = typed("object");
  out.set("additionalProperties", std::move(each));
  return out;
}

Value value_schema(const ValueType& type) {
  switch (type.shape) {
    case Shape::string: return string_schema(type);
    case Shape::strings: return strings_schema(type);
    case Shape::string_or_strings: return either(string_schema(type), strings_schema(type));
    case Shape::boolean: return typed("boolean");
    case Shape::labels: return table_of(typed("string"));
    // Written out where it is used: draft 07 ignores what stands beside a $ref, and so the key's own
    // description.
    case Shape::block: return block_schema(manifest_block(type.block));
    case Shape::blocks: return table_of(block_schema(manifest_block(type.block)));
    case Shape::block_list: return list_schema(block_schema(manifest_block(type.block)));
    case Shape::string_or_integer:
      return either(string_schema(type), type.max > 0 ? range_schema(type) : count_schema());
    case Shape::integer: return range_schema(type);
  }
  return {};
}

Value required_keys(const std::vector<std::string>& keys) {
  Value names = Value::array();
  for (const std::string& key : keys) names.push(key);
  Value out = Value::object();
  out.set("required", std::move(names));
  return out;
}

// What the tables don't say: keys that exclude each other.
void add_alternatives(const BlockSpec& block, Value& schema) {
  if (block.name == "network") schema.set("not", required_keys({"subnet", "subnets"}));
  if (block.name == "endpoint") {
    schema.set("oneOf", Value::Array{required_keys({"network"}), required_keys({"networks"})});
  }
}

Value block_schema(const BlockSpec& block) {
  Value properties = Value::object();
  Value required = Value::array();
  for (const KeySpec& key : block.keys) {
    // A key that only the host's own file may have is an error in a manifest, so an editor must not offer it.
    if (key.host_only) continue;
    Value schema = value_schema(*key.type);
    schema.set("description", key.doc);
    properties.set(key.key, std::move(schema));
    if (key.required) required.push(key.key);
  }
  Value out = typed("object");
  out.set("description", block.doc);
  out.set("properties", std::move(properties));
  // The parser refuses unknown keys too: a mistyped one shows while it is typed.
  out.set("additionalProperties", false);
  // An empty list is no valid "required" in draft 4, by which some editors still go.
  if (!required.as_array()->empty()) out.set("required", std::move(required));
  add_alternatives(block, out);
  return out;
}

// The three ways in which TOML writes a block: [network.a], [cluster], [[moved]].
Value top_schema(const BlockSpec& block) {
  if (block.form == BlockForm::named) return table_of(block_schema(block));
  if (block.form == BlockForm::single) return block_schema(block);
  return list_schema(block_schema(block));
}

}  // namespace

std::string manifest_markdown() {
  std::string out(kPreface);
  for (const BlockSpec& block : manifest_blocks()) out += block_markdown(block);
  return out;
}

std::string manifest_json_schema() {
  Value properties = Value::object();
  for (const BlockSpec& block : manifest_blocks()) {
    // Nested blocks are inside of others, and no block of a file.
    if (block.form != BlockForm::nested) properties.set(block.name, top_schema(block));
  }
  Value out = typed("object");
  // Draft 07 is what Taplo and most editors take.
  out.set("$schema", "http://json-schema.org/draft-07/schema#");
  out.set("title", "ovl manifest");
  out.set("properties", std::move(properties));
  out.set("additionalProperties", false);
  return out.pretty_json() + "\n";
}

}  // namespace ovl
