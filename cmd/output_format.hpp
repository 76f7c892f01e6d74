// Versions of what is printed with --json. Minor: something was added; major: something changed.
#pragma once

#include <string_view>

namespace ovl {

inline constexpr std::string_view kPlanFormat = "1.2";  // of Terraform's plans, whose shape it has
inline constexpr std::string_view kOutputFormat = "1.0";

}  // namespace ovl
