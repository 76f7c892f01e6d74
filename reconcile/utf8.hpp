// UTF-8, one code point at a time, and text made safe for a terminal.
#pragma once

#include <cstdint>
#include <string>
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

// One code point as it may be shown: control characters, characters that reorder text or cannot be
// seen, and bytes that are no UTF-8 become \xNN or \u{NNNN}; a tab becomes two blanks.
std::string safe_code_point(std::string_view bytes, const CodePoint& point);

// The whole text so; a line break becomes \x0a.
std::string safe_text(std::string_view text);

// text for a message, cut after 80 bytes at the border of a code point.
std::string shortened(std::string_view text);

}  // namespace ovl
