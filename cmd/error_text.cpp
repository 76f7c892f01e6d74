#include "cmd/error_text.hpp"

#include <fmt/format.h>

#include "model/catalogue.hpp"

namespace ovl {

namespace {

std::string first_line_of(const Error& error, const Style& style) {
  return fmt::format("{} {} {}\n", style.red("ovl:"), printable(error.message),
                     style.dim(fmt::format("[{}]", name_of(error.code))));
}

}  // namespace

std::string error_text(const Error& error, const Style& style) {
  if (error.code == Errc::interrupted && error.hint.empty()) return first_line_of(error, style);
  const std::string hint = error.hint.empty() ? std::string(family_of(error.code).remedy) : error.hint;
  return fmt::format("{}hint: {}\n", first_line_of(error, style), printable(hint));
}

}  // namespace ovl
