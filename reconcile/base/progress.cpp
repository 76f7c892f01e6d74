#include "reconcile/base/progress.hpp"

#include <fmt/format.h>

namespace ovl {

Status Progress::go_on(std::string_view next, std::string_view done) const {
  if (!stop()) return {};
  return Error{.code = Errc::interrupted,
               .message = fmt::format("interrupted before \"{}\": {}", next, done)};
}

}  // namespace ovl
