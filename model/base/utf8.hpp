// UTF-8, one code point at a time.
#pragma once

#include <cstddef>
#include <string_view>

namespace ovl {

struct CodePoint {
  char32_t value = 0;
  std::size_t size = 0;  // bytes taken; 1 for a byte that begins no valid sequence
  bool valid = false;
};

// The first code point of text. RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
// Precondition: text is not empty.
CodePoint first_code_point(std::string_view text);

// Whether all of it is UTF-8.
bool is_utf8(std::string_view text);

}  // namespace ovl
