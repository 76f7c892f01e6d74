// Which records an ls lists: -l label=value.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/base/result.hpp"
#include "model/records/records.hpp"

namespace ovl {

struct LabelFilter {
  std::string name;
  std::optional<std::string> value;  // none: any value will do
};

// "zone=a", whose value may be empty and may hold further '=', or "zone" alone. Errors: usage (no name).
Result<std::vector<LabelFilter>> parse_label_filters(const std::vector<std::string>& words);

// Whether all filters hold; with none of them, they do.
bool selects(const std::vector<LabelFilter>& filters, const Labels& labels);

}  // namespace ovl
