// The one look of a manifest: what `ovl fmt` makes of a TOML text. Pure.
#pragma once

#include <string>
#include <string_view>

namespace ovl {

// The same document with blanks, indentation and empty lines as they should be: `key = value`, two blanks
// per open bracket, one empty line before a table (but for a table within
// the one before), lines that end in LF. Comments, the order of things and
// where a line is broken stay. Formatting twice changes nothing more.
// Precondition: parse() finds no syntax error in text.
std::string format_toml(std::string_view text);

}  // namespace ovl
