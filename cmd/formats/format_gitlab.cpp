// https://docs.gitlab.com/user/infrastructure/iac/mr_integration/
#include <fmt/format.h>

#include "cmd/formats/formats.hpp"

namespace ovl {

std::string gitlab_of(const Report& report) {
  if (report.plan == nullptr || report.error) return "{}\n";
  const PlanCounts counts = count(*report.plan);
  return fmt::format("{{\"create\":{},\"update\":{},\"delete\":{}}}\n", counts.create + counts.replace,
                     counts.update, counts.remove + counts.replace);
}

}  // namespace ovl
