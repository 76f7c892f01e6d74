#include "reconcile/cluster/draft.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "reconcile/cluster/guards.hpp"
#include "reconcile/cluster/lost_hosts.hpp"
#include "reconcile/cluster/past_records.hpp"
#include "reconcile/records/diff_records.hpp"
#include "reconcile/records/older_builds.hpp"
#include "reconcile/records/policy.hpp"
#include "reconcile/records/switch_over.hpp"
#include "reconcile/records/vteps.hpp"

namespace ovl {

namespace {

bool is_same(const Finding& a, const Finding& b) {
  return a.id == b.id && a.subject == b.subject && a.message == b.message && a.hint == b.hint;
}

// Of what claims alone tell of, no record is known.
Records known_whole(const Cluster& cluster) {
  Records out = cluster.known;
  std::erase_if(out.networks, [](const NetworkRecord& network) { return network.id.empty(); });
  std::erase_if(out.endpoints, [](const EndpointRecord& endpoint) { return endpoint.id.empty(); });
  return out;
}

class Drafting {
 public:
  explicit Drafting(const DraftInput& in) : in_(in), task_(in.task), cluster_(in.cluster) {}

  Result<Draft> run() {
    std::visit([this](const auto& want) { resolve_to(want); }, in_.want);
    if (!out_.problems.empty()) return std::move(out_);
    OVL_CHECK(compare());
    judge();
    if (!out_.changes.empty() || !out_.waiting.empty())
      OVL_CHECK(check_nothing_undone(task_, cluster_, in_.descent));
    out_.takes_source = takes_source(task_, in_.want, cluster_, in_.descent);
    if (out_.takes_source) out_.former_source = former_source(task_, cluster_);
    out_.may_write = out_.refused.empty() && cluster_.refused.empty();
    return std::move(out_);
  }

 private:
  void resolve_to(const AsTheyAre&) { out_.desired = cluster_.standing(); }

  void resolve_to(const Renamed&) { out_.desired = cluster_.known; }

  void resolve_to(const Nothing&) {}

  void resolve_to(const Declared& declared) {
    Resolved resolved = resolve(*declared.manifest, cluster_.known, cluster_.view.facts, in_.around);
    out_.desired = std::move(resolved.records);
    out_.problems = std::move(resolved.problems);
    out_.waiting = std::move(resolved.waiting);
    settle();
  }

  void resolve_to(const Again& again) {
    out_.desired = wanted_again(*again.records, cluster_.known);
    settle();
  }

  void settle() {
    keep_vteps();
    stage();
  }

  // A host that would take another one's VTEP is refused there. Elsewhere it stays as it was, so that it
  // stops nobody else.
  void keep_vteps() {
    const HeldVteps held{
        .claims = cluster_.view.claims, .known = cluster_.known, .facts = cluster_.view.facts};
    for (Finding& finding : keep_vteps_apart(held, task_.host, out_.desired)) {
      const bool here = finding.subject == "host." + task_.host.text();
      (here ? out_.refused : out_.warnings).push_back(std::move(finding));
    }
  }

  // What concerns all hosts of a network goes step by step.
  void stage() {
    const auto has_realised = [&](const HostName& host, std::int64_t serial) {
      const auto at = cluster_.view.status.find(host.text());
      return at != cluster_.view.status.end() && (at->second.serial >= serial || is_lost(at->second));
    };
    stage_switches(
        SwitchOver{
            .current = cluster_.known, .next_serial = next_serial(cluster_), .has_realised = has_realised},
        out_.desired, out_.waiting);
  }

  Status compare() {
    out_.changes = select(diff_records(out_.desired, cluster_.view.records), task_.selection);
    if (task_.selection.all()) return {};
    out_.unselected = std::move(out_.desired);
    out_.desired = with_changes(cluster_.view.records, out_.unselected, out_.changes);
    return check_whole(out_.desired);
  }

  void judge() {
    Plan plan = plan_of(out_.changes);
    add_refusals(plan, cluster_.view.records);
    for (Finding& finding : words_for_older_builds(plan, out_.desired, cluster_.view.facts, cluster_.lost)) {
      out_.refused.push_back(std::move(finding));
    }
    if (cluster_.lost_counts) refuse_loss();
  }

  // What the store has lost counts as there, or a loss would be a way past every guard.
  void refuse_loss() {
    const Records there = known_whole(cluster_);
    Plan plan = plan_of(diff_records(out_.desired, there));
    std::erase_if(plan.record_changes, [](const RecordChange& change) {
      return change.action != Action::remove && change.reason != Reason::moved;
    });
    add_refusals(plan, there);
  }

  [[nodiscard]] Plan plan_of(std::vector<RecordChange> changes) const {
    Plan plan;
    plan.cluster = task_.cluster;
    plan.host = task_.host;
    plan.origin = task_.origin;
    plan.destroy = std::holds_alternative<Nothing>(in_.want);
    plan.partial = !task_.selection.all();
    plan.record_changes = std::move(changes);
    return plan;
  }

  // What guards, the manifest's policy and the host's do not allow.
  void add_refusals(const Plan& plan, const Records& current) {
    add(refusals_of(plan, current, task_.max_destroy));
    // A commit says what there shall be; a destroy or a move is said on the command line.
    const bool says_so = std::holds_alternative<Declared>(in_.want) && task_.moves.empty();
    const PolicyInput input{.plan = plan,
                            .desired = out_.desired,
                            .current = current,
                            .now = in_.now,
                            .signer = says_so ? task_.signer : std::string(),
                            .unsigned_because = says_so ? task_.unsigned_because : "no commit asks for this"};
    if (task_.host_policy) add(violations(input, *task_.host_policy));
    if (task_.manifest != nullptr && task_.manifest->policy) add(violations(input, *task_.manifest->policy));
  }

  void add(std::vector<Finding> findings) {
    for (Finding& finding : findings) {
      const auto known = [&](const Finding& other) { return is_same(finding, other); };
      if (std::ranges::none_of(out_.refused, known)) out_.refused.push_back(std::move(finding));
    }
  }

  const DraftInput& in_;
  const Task& task_;
  const Cluster& cluster_;
  Draft out_;
};

}  // namespace

Result<Draft> draft(const DraftInput& in) {
  return Drafting(in).run();
}

Draft stand_by(const Cluster& cluster) {
  Draft out;
  out.desired = cluster.standing();
  return out;
}

std::int64_t next_serial(const Cluster& cluster) {
  const std::int64_t there = cluster.view.head ? cluster.view.head->serial : 0;
  const std::int64_t known = cluster.memory.head ? cluster.memory.head->serial : cluster.remembered.serial;
  return (cluster.puts_back ? std::max(there, known) : there) + 1;
}

}  // namespace ovl
