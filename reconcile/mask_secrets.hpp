// What a line of a manifest may show. A secret that stands in the manifest by mistake must not get
// into a terminal's or a CI job's log by way of the error about it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ovl {

// Line `line` (from 1) of text, of the same length, with '*' in place of what may be a secret: every
// string below [keystore] that is no reference, no file and no URL, the value of every key called
// token, user or password, and the user information of every URL.
std::string masked_line(std::string_view text, std::uint32_t line);

}  // namespace ovl
