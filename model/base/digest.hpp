// SHA-256, as 64 hexadecimal digits.
#pragma once

#include <string>
#include <string_view>

namespace ovl {

std::string sha256_hex(std::string_view text);

}  // namespace ovl
