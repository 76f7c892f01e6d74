// Diagnostics for people and for programs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/base/value.hpp"
#include "model/manifest/manifest.hpp"
#include "reconcile/toml/mask_secrets.hpp"

namespace ovl {

// Whoever has more findings than this repairs the first ones first.
inline constexpr std::size_t kMostDiagnosticsShown = 100;

// Findings for people, of sources that outlive it; what was looked up in them is kept.
class DiagnosticText {
 public:
  DiagnosticText(const Sources& sources, bool colour);

  // The finding as
  //   ovl.toml:12:8: error: message [id]
  //      12 | the line
  //         |     ^~~~
  //   hint: what to do
  // with its notes after it, each with its own place; no line break at the end. Control characters
  // are made visible, long lines cut around the mark, secrets masked.
  std::string of(const Diagnostic& diagnostic);

 private:
  std::string with_place(const Place& place, std::string_view word, std::string_view word_colour,
                         const std::string& message);
  std::string source_lines(const Place& place);

  const Sources* sources_;
  bool colour_;
  std::vector<std::optional<MaskedLines>> lines_;  // by source
};

// One finding as DiagnosticText has it.
std::string render(const Diagnostic& diagnostic, const Sources& sources, bool colour);

// The first kMostDiagnosticsShown of them, `end` behind each, and a line about how many there are besides.
std::string render_all(const Diagnostics& diagnostics, const Sources& sources, bool colour,
                       std::string_view end = "\n");

// The finding as {severity, id, message, hint, file, line, column, notes}; what is empty is left out.
Value diagnostic_value(const Diagnostic& diagnostic, const Sources& sources);

}  // namespace ovl
