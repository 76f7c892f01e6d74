#include "reconcile/run/undone.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "reconcile/cluster/standing.hpp"
#include "reconcile/host/host_status.hpp"

namespace ovl {

namespace {

// With a manifest the refused ones are written anew.
std::int64_t refused_in(const StoreView& view) {
  if (view.frozen.empty() && view.frozen_hosts.empty()) return 0;
  return std::ranges::count_if(view.refused, freezes);
}

// A change of VNI or port takes three generations: the twin comes, it sends, the old one goes.
std::vector<std::string> steps_in(const Records& records) {
  std::vector<std::string> out;
  for (const NetworkRecord& network : records.networks) {
    if (!network.twin) continue;
    out.push_back(fmt::format("network.{} (step {} of 3)", network.name.text(),
                              network.twin->role == TwinRole::coming ? 1 : 2));
  }
  return out;
}

// Nobody applies by a name that no host has any more.
bool is_renamed(const Planned& planned, const HostName& host) {
  return std::ranges::any_of(planned.plan.record_changes, [&](const RecordChange& change) {
    return change.kind == RecordKind::host && change.previous == host.text();
  });
}

std::vector<std::string> behind_in(const Planned& planned) {
  std::vector<std::string> out;
  for (const NotCurrent& other : not_current(planned.cluster.view, planned.draft.desired)) {
    if (other.host != planned.plan.host && !is_renamed(planned, other.host)) out.push_back(other.host.text());
  }
  return out;
}

// Whether others do not know that this host is as the records say: it was forgotten, renamed, lost, or a
// generation changes nothing here.
bool is_unsaid(const Planned& planned) {
  const Plan& plan = planned.plan;
  const StoreView& view = planned.cluster.view;
  const bool concerned = planned.has_host() && view.head && !planned.cluster.away && !plan.partial;
  if (!concerned || !plan.empty() || !plan.refused.empty() || !plan.conflicts.empty()) return false;
  if (planned.draft.desired.host(plan.host) == nullptr) return view.status.contains(plan.host.text());
  return !is_published(planned);
}

}  // namespace

Undone undone_of_change(const Planned& planned) {
  Undone out{.steps = steps_in(planned.draft.desired), .unsaid = is_unsaid(planned)};
  if (planned.cluster.view.head) out.behind = behind_in(planned);
  for (const HostName& host : planned.cluster.lost) {
    if (host != planned.plan.host) out.lost.push_back(host.text());
  }
  return out;
}

Undone undone_of_following(const Planned& planned) {
  const HostFacts* own = planned.own.facts ? &*planned.own.facts : nullptr;
  Undone out{.away = planned.cluster.away,
             .refused = refused_in(planned.cluster.view),
             .unsaid = is_unsaid(planned)};
  out.address_untold = untold_address(planned.draft.desired.host(planned.plan.host), own).has_value();
  return out;
}

}  // namespace ovl
