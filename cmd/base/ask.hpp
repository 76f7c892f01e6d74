// Asking the person at the terminal.
#pragma once

#include "model/base/result.hpp"

namespace ovl {

// Only "yes" is consent. Errors: usage (nobody can be asked), interrupted (another answer).
Status ask_for_consent();

}  // namespace ovl
