// docs/errors.md, from the catalogue of errors.
#pragma once

#include <string>

namespace ovl {

std::string errors_markdown();

}  // namespace ovl
