// A TOML document as a tree in which every key and value knows its place. What stands between the
// TOML library and the manifest: nothing behind this header includes the library.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/manifest/manifest.hpp"

namespace ovl {

struct TomlMember;

struct TomlNode {
  enum class Kind : std::uint8_t { table, array, string, integer, floating, boolean, date_time };

  Kind kind = Kind::table;
  Place place;
  std::string text;                 // of a string
  std::int64_t integer = 0;         // of an integer
  bool boolean = false;             // of a boolean
  std::vector<TomlNode> items;      // of an array
  std::vector<TomlMember> members;  // of a table, in the order of the file

  [[nodiscard]] const TomlMember* find(std::string_view key) const;
};

struct TomlMember {
  std::string key;
  Place place;  // of the key
  TomlNode value;
};

// "a string", "a whole number", ...: what was found where something else should be.
std::string_view words_for(TomlNode::Kind kind);

// Reads one file; nullopt, with at least one error added, when it is no TOML or not fit to be parsed
// (see guard_toml).
std::optional<TomlNode> read_toml(const SourceFile& source, std::uint32_t file, Diagnostics& diagnostics);

}  // namespace ovl
