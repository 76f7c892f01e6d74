// What inspect says in JSON, as text for people.
#pragma once

#include <string>

#include "model/base/value.hpp"

namespace ovl {

// document: as ovl network|host|endpoint inspect --json prints it; each of its values is in the text. why:
// what kept this host from being compared with the records; empty: it was.
std::string inspect_text(const Value& document, const std::string& why);

}  // namespace ovl
