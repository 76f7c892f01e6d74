// Numbers of things, in English.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace ovl {

// "1 packet", "2 packets". one: a noun whose plural ends with an s.
inline std::string counted(std::uint64_t number, std::string_view one) {
  return fmt::format("{} {}{}", number, one, number == 1 ? "" : "s");
}

}  // namespace ovl
