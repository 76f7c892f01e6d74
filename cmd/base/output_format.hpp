// Versions of what is printed with --json. Minor: something was added; major: something changed.
#pragma once

#include <string_view>

namespace ovl {

inline constexpr std::string_view kPlanFormat = "1.2";  // of Terraform's plans, whose shape it has
// What readers of such plans ask for: the first Terraform whose plans have that format.
inline constexpr std::string_view kPlanTerraform = "1.5.0";
inline constexpr std::string_view kEventsFormat = "1.0";  // of --events
inline constexpr std::string_view kOutputFormat = "1.0";

}  // namespace ovl
