// Times as people read them.
#pragma once

#include <cstdint>
#include <string>

namespace ovl {

// "2026-01-31 23:59:59 UTC" for seconds since the epoch; the nearest such time when there is none.
std::string time_text(std::int64_t when);

}  // namespace ovl
