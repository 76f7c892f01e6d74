// Text for a reader who may not be reading: a pager that nobody pages, a terminal that was stopped.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace ovl {

// Writes to the descriptor, at most for that long. Answers what was not
// written; nothing is left of what can't be written at all.
std::string write_patiently(int file, std::string_view text, std::chrono::milliseconds patience);

}  // namespace ovl
