// Labels select on the reader's side: the store knows no queries, and all records are read anyway.
#include "cmd/base/label_filter.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cmd/base/style.hpp"

namespace ovl {

namespace {

Result<LabelFilter> parse_label_filter(const std::string& word) {
  // The first one: a value may have more of them, a name none.
  const std::size_t sign = word.find('=');
  LabelFilter out{.name = word.substr(0, sign), .value = std::nullopt};
  if (out.name.empty()) {
    return Error{.code = Errc::usage,
                 .message = fmt::format("--label \"{}\" names no label", printable(word)),
                 .hint = "write --label zone=a, or --label zone for any value"};
  }
  if (sign != std::string::npos) out.value = word.substr(sign + 1);
  return out;
}

}  // namespace

Result<std::vector<LabelFilter>> parse_label_filters(const std::vector<std::string>& words) {
  std::vector<LabelFilter> out;
  for (const std::string& word : words) {
    OVL_TRY(LabelFilter filter, parse_label_filter(word));
    out.push_back(std::move(filter));
  }
  return out;
}

bool selects(const std::vector<LabelFilter>& filters, const Labels& labels) {
  // All of them, as "and" is what narrows a list; "or" is two calls.
  return std::ranges::all_of(filters, [&](const LabelFilter& filter) {
    const auto at = labels.find(filter.name);
    // A name that no record has selects nothing and is no error: which labels there are is what somebody
    // asks.
    return at != labels.end() && (!filter.value || *filter.value == at->second);
  });
}

}  // namespace ovl
