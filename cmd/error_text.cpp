#include "cmd/error_text.hpp"

#include <fmt/format.h>

#include "model/catalogue.hpp"

namespace ovl {

std::string error_text(const Error& error, const Style& style) {
  const std::string hint = error.hint.empty() ? std::string(family_of(error.code).remedy) : error.hint;
  return fmt::format("{} {} {}\nhint: {}\n", style.red("ovl:"), printable(error.message),
                     style.dim(fmt::format("[{}]", name_of(error.code))), printable(hint));
}

}  // namespace ovl
