// An error as every verb shows it.
#pragma once

#include <string>

#include "cmd/base/style.hpp"
#include "model/base/result.hpp"

namespace ovl {

// Two lines: "ovl: MESSAGE [FAMILY]" and "hint: REMEDY", that of the family when the error has none.
// Who ended the command knows why: that is one line, unless it has a hint of its own.
std::string error_text(const Error& error, const Style& style);

}  // namespace ovl
