// Diagnostics for people and for programs.
#pragma once

#include <string>

#include "model/manifest.hpp"
#include "model/value.hpp"

namespace ovl {

// The finding as
//   ovl.toml:12:8: error: message [id]
//      12 | the line
//         |     ^~~~
//   hint: what to do
// with its notes after it, each with its own place; no line break at the end. Control characters
// are made visible, long lines cut around the mark, secrets masked.
std::string render(const Diagnostic& diagnostic, const Sources& sources, bool colour);

// The finding as {severity, id, message, hint, file, line, column, notes}; what is empty is left out.
Value diagnostic_value(const Diagnostic& diagnostic, const Sources& sources);

}  // namespace ovl
