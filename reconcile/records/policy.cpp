#include "reconcile/records/policy.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>

#include "reconcile/base/prefix_index.hpp"
#include "reconcile/records/diff_records.hpp"
#include "reconcile/records/refuse.hpp"
#include "reconcile/words/change_name.hpp"
#include "reconcile/words/time_text.hpp"

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

// "network.front": the record that it ends, if any.
std::optional<std::string> ended_by(const RecordChange& change) {
  const bool renamed = is_rename(change);
  if (change.action != Action::remove && !renamed) return std::nullopt;
  return fmt::format("{}.{}", name_of(change.kind),
                     name_in_plan(change.kind, renamed ? change.previous : change.name));
}

// ---- patterns --------------------------------------------------------------------------------------

// Patterns, of which each is a name with at most one `*`, at its beginning or its end. A name is looked for
// once for each length that these have, however many they are.
class Patterns {
 public:
  template <class T>
  explicit Patterns(const std::vector<T>& patterns) {
    for (const T& pattern : patterns) add(pattern.text());
  }

  [[nodiscard]] bool empty() const { return whole_.empty() && beginnings_.empty() && ends_.empty(); }

  // One that the name matches, as it was written; empty: none.
  [[nodiscard]] std::string matching(std::string_view name) const {
    if (whole_.contains(name)) return std::string(name);
    for (const auto& [length, some] : beginnings_) {
      if (length <= name.size() && some.contains(name.substr(0, length)))
        return std::string(name.substr(0, length)) + "*";
    }
    for (const auto& [length, some] : ends_) {
      if (length <= name.size() && some.contains(name.substr(name.size() - length)))
        return "*" + std::string(name.substr(name.size() - length));
    }
    return {};
  }

 private:
  using Names = std::set<std::string, std::less<>>;

  void add(std::string text) {
    if (text.ends_with('*')) {
      text.pop_back();
      beginnings_[text.size()].insert(std::move(text));
    } else if (text.starts_with('*')) {
      text.erase(0, 1);
      ends_[text.size()].insert(std::move(text));
    } else {
      whole_.insert(std::move(text));
    }
  }

  Names whole_;
  std::map<std::size_t, Names> beginnings_, ends_;  // by their length
};

// Each rule once.
std::vector<ForbiddenChange> distinct(const std::vector<ForbiddenChange>& rules) {
  std::vector<ForbiddenChange> out;
  for (const ForbiddenChange& rule : rules) {
    if (std::ranges::find(out, rule) == out.end()) out.push_back(rule);
  }
  return out;
}

// ---- the rules ------------------------------------------------------------------------------------

class PolicyCheck {
 public:
  PolicyCheck(const PolicyInput& input, const Policy& policy)
      : in_(input),
        policy_(policy),
        protect_(policy.protect),
        hosts_(policy.hosts),
        forbid_(distinct(policy.forbid)),
        allowed_(index_prefixes(policy.subnets, std::identity())) {}

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
    const auto ended = ended_by(change);
    const std::string pattern = ended ? protect_.matching(*ended) : std::string();
    if (!pattern.empty()) {
      refuse("policy-protect", subject,
             fmt::format("it is protected by policy and would be {}d", name_of(action_of(change))),
             "protect " + pattern);
    }
    for (const ForbiddenChange& rule : forbid_) {
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
    if (hosts_.empty() || !hosts_.matching(host.name.text()).empty()) return;
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
  Patterns protect_;
  Patterns hosts_;
  std::vector<ForbiddenChange> forbid_;
  PrefixIndex allowed_;
  std::vector<Finding> out_;
};

}  // namespace

std::vector<Finding> violations(const PolicyInput& input, const Policy& policy) {
  return PolicyCheck(input, policy).run();
}

}  // namespace ovl
