#include "reconcile/policy.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <span>

#include "reconcile/change_name.hpp"
#include "reconcile/diff_records.hpp"
#include "reconcile/prefix_index.hpp"
#include "reconcile/refuse.hpp"
#include "reconcile/time_text.hpp"

namespace ovl {

namespace {

// The first of them: each refusal repeats them.
template <class T>
std::string texts_of(const std::vector<T>& values) {
  constexpr std::size_t most = 16;
  std::vector<std::string> out;
  for (const T& value : std::span(values).first(std::min(values.size(), most))) out.push_back(value.text());
  std::string text = fmt::format("{}", fmt::join(out, ", "));
  if (values.size() > most) text += fmt::format(" and {} more", values.size() - most);
  return text;
}

// ---- what a change does ---------------------------------------------------------------------------

// Records of endpoints have their network's name too: only their own counts.
std::string name_in_plan(RecordKind kind, const std::string& name) {
  return name_of(kind, name).name;
}

bool is_rename(const RecordChange& change) {
  return change.reason == Reason::moved &&
         name_in_plan(change.kind, change.name) != name_in_plan(change.kind, change.previous);
}

RecordAction action_of(const RecordChange& change) {
  if (is_rename(change)) return RecordAction::rename;
  if (change.action == Action::create) return RecordAction::create;
  return change.action == Action::remove ? RecordAction::remove : RecordAction::update;
}

// A VNI or a port that changes in steps shows first as the second device's.
bool is_coming(const RecordChange& change, const std::string& field) {
  if (!touches(change, {"twin"}) || (field != "vni" && field != "port")) return false;
  const Value* twin = change.after.find("twin");
  const Value* coming = twin != nullptr ? twin->find(field) : nullptr;
  const Value* current = change.after.find(field);
  const bool is_new = twin != nullptr && text_in(*twin, "role") == name_of(TwinRole::coming);
  return is_new && coming != nullptr && current != nullptr && !(*coming == *current);
}

bool changes_field(const RecordChange& change, const std::string& field) {
  if (change.action != Action::update) return false;
  return touches(change, {field}) || is_coming(change, field);
}

bool is_forbidden(const RecordChange& change, const ForbiddenChange& rule) {
  if (change.kind != rule.kind) return false;
  return rule.field.empty() ? action_of(change) == rule.action : changes_field(change, rule.field);
}

// Whether it ends a record of that name.
bool ends(const RecordChange& change, const RecordPattern& pattern) {
  const bool renamed = is_rename(change);
  if (change.action != Action::remove && !renamed) return false;
  return pattern.matches(change.kind, name_in_plan(change.kind, renamed ? change.previous : change.name));
}

// ---- the rules ------------------------------------------------------------------------------------

class PolicyCheck {
 public:
  PolicyCheck(const PolicyInput& input, const Policy& policy)
      : in_(input), policy_(policy), allowed_(index_prefixes(policy.subnets, std::identity())) {}

  std::vector<Finding> run() {
    for (const RecordChange& change : in_.plan.record_changes) check_change(change);
    check_removals();
    for (const HostRecord& host : in_.desired.hosts) check_host(host);
    for (const NetworkRecord& network : in_.desired.networks) check_network(network);
    if (!in_.plan.record_changes.empty()) check_circumstances();
    return std::move(out_);
  }

 private:
  // `rule`: as the policy has it.
  void refuse(FindingId id, std::string subject, std::string message, const std::string& rule) {
    out_.push_back(Finding{.code = Errc::guard,
                           .id = id,
                           .subject = std::move(subject),
                           .message = std::move(message),
                           .hint = fmt::format("{} says so: {}", policy_.origin, rule)});
  }

  void check_change(const RecordChange& change) {
    const std::string subject = name_of(change).address();
    for (const RecordPattern& pattern : policy_.protect) {
      if (!ends(change, pattern)) continue;
      refuse("policy-protect", subject,
             fmt::format("it is protected by policy and would be {}d", name_of(action_of(change))),
             "protect " + pattern.text());
    }
    for (const ForbiddenChange& rule : policy_.forbid) {
      if (!is_forbidden(change, rule)) continue;
      refuse("policy-forbid", subject, "policy forbids this change", "forbid " + rule.text());
    }
  }

  void check_removals() {
    if (!policy_.max_destroy) return;
    const auto many = too_many_removals(in_.plan, in_.current, *policy_.max_destroy);
    if (!many) return;
    refuse("policy-max-destroy", "cluster " + in_.plan.cluster.text(), many->text(),
           "max_destroy " + policy_.max_destroy->text());
  }

  void check_host(const HostRecord& host) {
    const auto is_this = [&](const HostPattern& pattern) { return pattern.matches(host.name); };
    if (policy_.hosts.empty() || std::ranges::any_of(policy_.hosts, is_this)) return;
    refuse("policy-host", name_of(RecordKind::host, host.name.text()).address(),
           "policy allows no host of this name", "hosts " + texts_of(policy_.hosts));
  }

  void check_network(const NetworkRecord& network) {
    const std::string subject = name_of(RecordKind::network, network.name.text()).address();
    for (const IpPrefix& subnet : network.subnets) {
      if (policy_.subnets.empty() || allowed_.holding(subnet) != nullptr) continue;
      refuse("policy-subnet", subject, fmt::format("policy does not allow its subnet {}", subnet.text()),
             "subnets " + texts_of(policy_.subnets));
    }
    check_vni(network.vni, subject);
    if (network.twin && network.twin->role == TwinRole::coming) check_vni(network.twin->vni, subject);
  }

  void check_vni(const Vni& vni, const std::string& subject) {
    if (!policy_.vni) return;
    const VniRange& range = *policy_.vni;
    if (vni.number() >= range.min.number() && vni.number() <= range.max.number()) return;
    refuse("policy-vni", subject, fmt::format("policy does not allow its VNI {}", vni.text()),
           fmt::format("vni from {} to {}", range.min.text(), range.max.text()));
  }

  void check_circumstances() {
    const std::string subject = "cluster " + in_.plan.cluster.text();
    const auto is_open = [&](const PolicyWindow& window) { return window.is_open(in_.now); };
    if (!policy_.windows.empty() && std::ranges::none_of(policy_.windows, is_open)) {
      refuse("policy-window", subject, fmt::format("its records may not change now, {}", time_text(in_.now)),
             "windows " + texts_of(policy_.windows) + " UTC");
    }
    if (policy_.require_signed && in_.signer.empty()) {
      refuse("policy-unsigned", subject,
             "its records may change only from a commit that somebody trusted has signed" +
                 (in_.unsigned_because.empty() ? "" : ": " + in_.unsigned_because),
             "require_signed");
    }
  }

  const PolicyInput& in_;
  const Policy& policy_;
  PrefixIndex allowed_;
  std::vector<Finding> out_;
};

}  // namespace

std::vector<Finding> violations(const PolicyInput& input, const Policy& policy) {
  return PolicyCheck(input, policy).run();
}

}  // namespace ovl
