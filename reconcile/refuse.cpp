#include "reconcile/refuse.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "reconcile/change_name.hpp"

namespace ovl {

namespace {

constexpr DestroyLimit kUnasked{.value = 50, .percent = true};

bool is_removal(const RecordChange& change) {
  return change.action == Action::remove;
}

bool is_protected(const RecordChange& change) {
  const Value* flag = change.before.find("protect");
  return flag != nullptr && *flag == Value(true);
}

Finding protected_record(const RecordChange& change) {
  return Finding{.code = Errc::guard,
                 .id = "protected",
                 .subject = name_of(change).address(),
                 .message = fmt::format("it is protected and would be {}d", name_of(change.action)),
                 .hint = "to allow it, apply it once with protect = false"};
}

std::size_t size_of(const Records& records) {
  return records.hosts.size() + records.networks.size() + records.endpoints.size();
}

}  // namespace

std::vector<Finding> refusals_of(const Plan& plan, const Records& current,
                                 const std::optional<DestroyLimit>& limit) {
  std::vector<Finding> out;
  for (const RecordChange& change : plan.record_changes) {
    const bool ends = is_removal(change) || change.action == Action::replace;
    if (ends && is_protected(change)) out.push_back(protected_record(change));
  }
  const auto removals = static_cast<std::size_t>(std::ranges::count_if(plan.record_changes, is_removal));
  const bool asked_for_all = plan.destroy && !limit;
  const std::size_t all = size_of(current);
  const DestroyLimit most = limit.value_or(kUnasked);
  if (asked_for_all || !most.is_exceeded_by(removals, all)) return out;
  out.push_back(Finding{.code = Errc::guard,
                        .id = "max-destroy",
                        .subject = "cluster " + plan.cluster.text(),
                        .message = fmt::format("{} of its {} records would be removed, at most {} may be",
                                               removals, all, most.text()),
                        .hint = fmt::format("if that is meant: --max-destroy {}", removals)});
  return out;
}

}  // namespace ovl
