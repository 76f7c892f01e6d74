#include "reconcile/host_report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "reconcile/change_name.hpp"
#include "reconcile/record_size.hpp"

namespace ovl {

namespace {

std::vector<std::string> addresses_of(const Plan& plan, const std::vector<ObjectChange>& changes) {
  std::vector<std::string> out;
  for (const ObjectChange& change : changes) {
    if (out.size() == kNamedObjects) break;
    out.push_back(name_of(plan, change).address());
  }
  return out;
}

// "endpoint web, network blue: link web:eth0: ...": which parts, and why the first.
std::string words_for(const std::vector<Finding>& left) {
  std::set<std::string> parts;
  for (const Finding& finding : left) parts.insert(finding.part);
  const Finding& first = left.front();  // a failure's subject is its part
  const std::string why =
      first.subject == first.part ? first.message : fmt::format("{}: {}", first.subject, first.message);
  return fmt::format("{}: {}", fmt::join(parts, ", "), why);
}

// The same as before goes on; anything else begins now.
HostStatus since_when(HostStatus status, const Request& request, const Planned& planned) {
  status.result = fit_message(std::move(status.result));
  const auto at = planned.view.status.find(request.host.text());
  const bool goes_on = at != planned.view.status.end() && at->second.result == status.result &&
                       at->second.drift == status.drift && at->second.differs == status.differs;
  status.since = goes_on ? at->second.since.value_or(at->second.when) : status.when;
  return status;
}

}  // namespace

bool freezes(const Finding& refused) {
  const std::string& key = refused.subject;
  return key.starts_with("hosts/") || key.starts_with("networks/") || key.starts_with("endpoints/") ||
         key.starts_with("facts/");
}

std::string good_result(const Request& request, const Planned& planned) {
  const StoreView& view = planned.view;
  std::string out;
  // With a manifest the refused ones are written anew.
  if (request.scope == Scope::host && !(view.frozen.empty() && view.frozen_hosts.empty())) {
    out = fmt::format("frozen: {} records refused", std::ranges::count_if(view.refused, freezes));
  }
  const std::vector<Finding> left = left_as_it_is(planned);
  if (left.empty()) return out.empty() ? "ok" : out;
  return fmt::format("{}{}", out.empty() ? "frozen: " : out + "; ", words_for(left));
}

HostStatus good_status(const Request& request, const Planned& planned, std::int64_t now,
                       const std::string& apply_id) {
  HostStatus status{.when = now, .apply_id = apply_id, .result = good_result(request, planned)};
  if (planned.view.head) status.serial = planned.view.head->serial;
  return since_when(std::move(status), request, planned);
}

HostStatus failed_status(const Request& request, const Planned& planned, const Error& error, std::int64_t now,
                         const std::string& apply_id) {
  HostStatus status{.when = now, .apply_id = apply_id, .result = error.message};
  const auto before = planned.view.status.find(request.host.text());
  if (before != planned.view.status.end()) status.serial = before->second.serial;
  status.drift = static_cast<std::int64_t>(planned.plan.object_changes.size());
  status.differs = differing_objects(planned.plan);
  return since_when(std::move(status), request, planned);
}

HostStatus drift_status(const Request& request, const Planned& planned, std::int64_t now,
                        const std::string& apply_id) {
  HostStatus status{.result = "ok"};
  const auto before = planned.view.status.find(request.host.text());
  if (before != planned.view.status.end()) status = before->second;
  status.when = now;
  status.apply_id = apply_id;
  status.drift = static_cast<std::int64_t>(planned.plan.drift.size());
  status.differs = addresses_of(planned.plan, planned.plan.drift);
  return since_when(std::move(status), request, planned);
}

std::vector<std::string> differing_objects(const Plan& plan) {
  return addresses_of(plan, plan.object_changes);
}

}  // namespace ovl
