// Text made safe for a terminal.
#pragma once

#include <string>
#include <string_view>

#include "model/base/utf8.hpp"

namespace ovl {

// One code point as it may be shown: control characters, characters that reorder text or cannot be
// seen, and bytes that are no UTF-8 become \xNN or \u{NNNN}; a tab becomes two blanks.
std::string safe_code_point(std::string_view bytes, const CodePoint& point);

// The whole text so; a line break becomes \x0a.
std::string safe_text(std::string_view text);

// text for a message, cut after 80 bytes at the border of a code point.
std::string shortened(std::string_view text);

}  // namespace ovl
