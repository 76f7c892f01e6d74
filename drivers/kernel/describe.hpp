// Names of operations' objects for messages: "link ovl-a:br0".
#pragma once

#include <string>

#include "model/plan/objects.hpp"

namespace ovl {

std::string describe(const Operation& operation);

}  // namespace ovl
