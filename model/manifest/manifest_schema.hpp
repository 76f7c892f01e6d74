// The manifest's keys as tables: the one list from which the parser's key checks, its suggestions,
// docs/manifest.md and docs/manifest.schema.json come.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ovl {

// How a value looks in TOML.
enum class Shape : std::uint8_t {
  string,
  strings,            // an array of strings
  string_or_strings,  // one string, or an array of them
  integer,
  string_or_integer,
  boolean,
  labels,     // a table of strings
  block,      // a table with keys of its own: the block called after the key
  blocks,     // a table of such tables, each under a name
  block_list  // an array of such tables
};

// What a value means.
struct ValueType {
  Shape shape = Shape::string;
  std::string_view text;          // for people: "address or interface name"
  std::string_view pattern = {};  // of each string, as a regular expression of ECMA 262
  std::int64_t min = 0;           // of an integer
  std::int64_t max = 0;
  std::string_view block = {};  // name of the block, for Shape::block, blocks and block_list
};

struct KeySpec {
  std::string_view key;
  const ValueType* type;
  bool required = false;
  std::string_view default_text;  // what holds when the key is left out; empty: see doc
  std::string_view doc;
  std::string_view example;  // a value in TOML
  bool host_only = false;    // not for a manifest: only for the host's own policy
};

enum class BlockForm : std::uint8_t {
  single,  // [cluster]
  named,   // [host.NAME]
  array,   // [[moved]]
  nested   // within another block
};

struct BlockSpec {
  std::string_view name;    // "host"; unique
  std::string_view header;  // "[host.NAME]"
  BlockForm form;
  std::string_view doc;
  std::span<const KeySpec> keys;
};

// All blocks, in the order of the documentation.
std::span<const BlockSpec> manifest_blocks();

// Precondition: there is a block of that name.
const BlockSpec& manifest_block(std::string_view name);

// The key of that name in the block, or nullptr.
const KeySpec* find_key(const BlockSpec& block, std::string_view key);

// Names of the keys of a block, for suggestions.
std::vector<std::string> key_names(const BlockSpec& block);

}  // namespace ovl
