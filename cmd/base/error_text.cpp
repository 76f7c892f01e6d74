// Every error, of whichever verb, is two lines of one form: what failed, of which family, and what to do.
// Scripts and people find the same thing at the same place.
#include "cmd/base/error_text.hpp"

#include <fmt/format.h>

#include "model/base/catalogue.hpp"

namespace ovl {

namespace {

std::string first_line_of(const Error& error, const Style& style) {
  // The family in brackets is what scripts look for: words may change, it does not.
  return fmt::format("{} {} {}\n", style.red("ovl:"), printable(error.message),
                     style.dim(fmt::format("[{}]", name_of(error.code))));
}

}  // namespace

std::string error_text(const Error& error, const Style& style) {
  // Who pressed Ctrl-C needs no advice on what to do about it.
  if (error.code == Errc::interrupted && error.hint.empty()) return first_line_of(error, style);
  // The error's own remedy, else that of its family: no error is shown without a way out, where there is one.
  const std::string hint = remedy_for(error);
  const std::string first = first_line_of(error, style);
  return hint.empty() ? first : fmt::format("{}hint: {}\n", first, printable(hint));
}

}  // namespace ovl
