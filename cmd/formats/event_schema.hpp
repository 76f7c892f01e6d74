// The JSON Schema of one line of --events.
#pragma once

#include <string>

namespace ovl {

std::string event_schema();

}  // namespace ovl
