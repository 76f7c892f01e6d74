// The guard before the TOML library. The library's recursion is not bounded for dotted keys (a key of
// 31,500 segments overflows the stack of version 3.3.0), and builds with assertions stop on some
// malformed input; what could reach either is refused here, with its place.
//
// With at most 32 segments per key and 32 open brackets, parsing, walking and freeing a tree recurse
// at most 64 levels deep; the library takes about 3.3 KB per level with AddressSanitizer. That is a
// fortieth of the 8 MiB of a main thread, so that no thread of its own is needed.
#pragma once

#include <string_view>

#include "model/manifest/manifest.hpp"

namespace ovl {

inline constexpr std::size_t kMaxFileBytes = std::size_t{1024} * 1024;
inline constexpr std::size_t kMaxKeySegments = 32;
inline constexpr std::size_t kMaxBrackets = 32;

// The text without a byte order mark at its front. Places count from here.
std::string_view without_mark(std::string_view text);

// Why the library may not see this text: too large, not UTF-8, control characters, keys or brackets
// too deep, letters beyond ASCII outside of strings and comments. Empty: it may.
Diagnostics guard_toml(std::string_view text, std::uint32_t file);

// The end of the TOML string that begins with a quote at `at`: behind its last quote, or where it
// breaks off (the end of the line, or of the text for three quotes).
std::size_t skip_string(std::string_view text, std::size_t at);

// Lines and columns of growing offsets, counted in one pass.
class PlaceCounter {
 public:
  PlaceCounter(std::string_view text, std::uint32_t file) : text_(text), file_(file) {}

  // Precondition: offset is not below the last one.
  Place at(std::size_t offset, std::size_t length = 1);

 private:
  std::string_view text_;
  std::uint32_t file_;
  std::size_t offset_ = 0;
  std::size_t line_start_ = 0;
  std::uint32_t line_ = 1;
};

}  // namespace ovl
