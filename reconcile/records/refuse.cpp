#include "reconcile/records/refuse.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "reconcile/words/change_name.hpp"

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

// Of one kind, or of all.
Removals removals(const Plan& plan, std::string_view what, std::size_t all, std::optional<RecordKind> kind) {
  const auto counts = [&](const RecordChange& change) {
    return is_removal(change) && (!kind || change.kind == *kind);
  };
  const auto removed = static_cast<std::size_t>(std::ranges::count_if(plan.record_changes, counts));
  return Removals{.what = what, .removed = removed, .all = all};
}

}  // namespace

std::string Removals::text() const {
  return fmt::format("{} of its {} {} would be removed", removed, all, what);
}

std::optional<Removals> too_many_removals(const Plan& plan, const Records& current,
                                          const DestroyLimit& limit) {
  const std::size_t hosts = current.hosts.size();
  const std::size_t networks = current.networks.size();
  const std::size_t endpoints = current.endpoints.size();
  const Removals whole = removals(plan, "records", hosts + networks + endpoints, std::nullopt);
  if (limit.is_exceeded_by(whole.removed, whole.all)) return whole;
  for (const Removals& part : {removals(plan, "hosts", hosts, RecordKind::host),
                               removals(plan, "networks", networks, RecordKind::network),
                               removals(plan, "endpoints", endpoints, RecordKind::endpoint)}) {
    if (part.removed > 1 && limit.is_exceeded_by(part.removed, part.all)) return part;
  }
  return std::nullopt;
}

std::vector<Finding> refusals_of(const Plan& plan, const Records& current,
                                 const std::optional<DestroyLimit>& limit) {
  std::vector<Finding> out;
  for (const RecordChange& change : plan.record_changes) {
    const bool ends = is_removal(change) || change.action == Action::replace;
    if (ends && is_protected(change)) out.push_back(protected_record(change));
  }
  const DestroyLimit most = limit.value_or(kUnasked);
  const bool asked_for_all = plan.destroy && !limit;
  const auto many = asked_for_all ? std::nullopt : too_many_removals(plan, current, most);
  if (!many) return out;
  const std::size_t removed = removals(plan, "records", 0, std::nullopt).removed;
  out.push_back(Finding{.code = Errc::guard,
                        .id = "max-destroy",
                        .subject = "cluster " + plan.cluster.text(),
                        .message = fmt::format("{}, at most {} may be", many->text(), most.text()),
                        .hint = fmt::format("if that is meant: --max-destroy {}", removed)});
  return out;
}

}  // namespace ovl
