#include "reconcile/host/host_status.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "reconcile/cluster/execute_records.hpp"
#include "reconcile/cluster/lost_hosts.hpp"
#include "reconcile/manifest/record_size.hpp"
#include "reconcile/words/change_name.hpp"
#include "reconcile/words/counted.hpp"

namespace ovl {

namespace {

void add_named(Differing& out, const Plan& plan, const std::vector<ObjectChange>& changes) {
  out.count += changes.size();
  for (const ObjectChange& change : changes) {
    if (out.names.size() == kNamedObjects) break;
    out.names.push_back(name_of(plan, change).address());
  }
}

void add_named(Differing& out, const std::vector<std::string>& names) {
  out.count += names.size();
  const std::size_t room = std::min(kNamedObjects - out.names.size(), names.size());
  out.names.insert(out.names.end(), names.begin(), names.begin() + static_cast<std::ptrdiff_t>(room));
}

void set(HostStatus& status, Differing differing) {
  status.drift = static_cast<std::int64_t>(differing.count);
  status.differs = std::move(differing.names);
}

// As the apply left them, where there was one.
std::vector<std::string> left_by(const Planned& planned) {
  return planned.still_left ? *planned.still_left : left_objects(planned.plan);
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

bool say_the_same(const HostStatus& a, const HostStatus& b) {
  return a.result == b.result && a.drift == b.drift && a.differs == b.differs;
}

// The same as before goes on; anything else begins now.
HostStatus since_when(HostStatus status, const Planned& planned, std::int64_t now) {
  status.result = fit_message(std::move(status.result));
  const auto at = planned.cluster.view.status.find(planned.plan.host.text());
  const bool goes_on = at != planned.cluster.view.status.end() && say_the_same(at->second, status);
  status.since = goes_on ? at->second.since.value_or(at->second.when) : now;
  return status;
}

}  // namespace

bool freezes(const Finding& refused) {
  const std::string& key = refused.subject;
  return key.starts_with("hosts/") || key.starts_with("networks/") || key.starts_with("endpoints/") ||
         key.starts_with("facts/");
}

std::string good_result(const Planned& planned) {
  const StoreView& view = planned.cluster.view;
  std::string out;
  if (planned.cluster.stands_on_good && !(view.frozen.empty() && view.frozen_hosts.empty())) {
    const auto refused = static_cast<std::uint64_t>(std::ranges::count_if(view.refused, freezes));
    out = fmt::format("frozen: {} refused", counted(refused, "record"));
  }
  const std::vector<Finding> left = left_as_it_is(planned);
  if (left.empty()) return out.empty() ? "ok" : out;
  return fmt::format("{}{}", out.empty() ? "frozen: " : out + "; ", words_for(left));
}

HostStatus good_status(const Planned& planned, std::int64_t now, const std::string& apply_id) {
  HostStatus status{.when = now, .apply_id = apply_id, .result = good_result(planned)};
  if (planned.cluster.view.head) status.serial = planned.cluster.view.head->serial;
  Differing left;
  add_named(left, left_by(planned));
  set(status, std::move(left));
  return since_when(std::move(status), planned, now);
}

std::string failure_text(const std::string& commit, const Error& error) {
  return commit.empty() ? error.message : fmt::format("commit {:.12}: {}", commit, error.message);
}

Status tell_failure(Keystore& store, const StoreLayout& layout, const HostName& host, std::string text,
                    std::int64_t now) {
  OVL_TRY(const Snapshot known, store.read(KeySelection::only(layout.host(host))));
  if (known.items.empty()) return {};
  OVL_TRY(const Snapshot before, store.read(KeySelection::only(layout.status(host))));
  HostStatus status;
  if (!before.items.empty()) {
    OVL_TRY(const Value value, Value::parse_json(before.items.front().value));
    OVL_TRY(status, decode<HostStatus>(value));
  }
  text = fit_message(result_of_failure(status, text));
  if (status.result == text) return {};
  status.result = std::move(text);
  status.since = now;
  return publish(store, layout.status(host), encode(status));
}

HostStatus failed_status(const Planned& planned, const Error& error, std::int64_t now,
                         const std::string& apply_id) {
  HostStatus status{
      .when = now, .apply_id = apply_id, .result = failure_text(planned.plan.origin.commit, error)};
  const auto before = planned.cluster.view.status.find(planned.plan.host.text());
  if (before != planned.cluster.view.status.end()) {
    status.serial = before->second.serial;
    status.result = result_of_failure(before->second, status.result);
  }
  set(status, differing_objects(planned.plan));
  return since_when(std::move(status), planned, now);
}

HostStatus drift_status(const Planned& planned, std::int64_t now) {
  HostStatus status{.result = "ok"};
  const auto before = planned.cluster.view.status.find(planned.plan.host.text());
  if (before != planned.cluster.view.status.end()) status = before->second;
  set(status, differing_objects(planned.plan));
  return since_when(std::move(status), planned, now);
}

bool is_published(const Planned& planned) {
  const auto at = planned.cluster.view.status.find(planned.plan.host.text());
  if (at == planned.cluster.view.status.end()) return false;
  const HostStatus now = good_status(planned, at->second.when, at->second.apply_id);
  return say_the_same(at->second, now) && at->second.serial == now.serial;
}

std::vector<std::string> left_objects(const Plan& plan) {
  std::vector<std::string> out;
  for (const std::vector<ObjectChange>* changes : {&plan.in_the_way, &plan.left}) {
    const auto begin = static_cast<std::ptrdiff_t>(out.size());
    for (const ObjectChange& change : *changes) out.push_back(name_of(plan, change).address());
    std::sort(out.begin() + begin, out.end());
  }
  return out;
}

Differing differing_objects(const Plan& plan) {
  Differing out;
  for (const std::vector<ObjectChange>* changes : {&plan.object_changes, &plan.drift}) {
    add_named(out, plan, *changes);
  }
  add_named(out, left_objects(plan));
  return out;
}

}  // namespace ovl
