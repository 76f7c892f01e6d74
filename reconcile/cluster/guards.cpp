#include "reconcile/cluster/guards.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "reconcile/base/ids.hpp"

namespace ovl {

namespace {

bool is_of_another_source(const Task& task, const Head& head) {
  return !task.origin.source.empty() && !head.source.empty() && head.source != task.origin.source;
}

// A clone without its beginning would pass for a plain folder.
std::string remedy_of_source(const Task& task) {
  if (task.shallow) {
    return "this clone is shallow and does not know where its history begins: git fetch --unshallow";
  }
  return "apply from there, or give this cluster another name; is this to be its source from now on, say so "
         "once, where the keystore can be reached: ovl apply --take-over";
}

Status check_source(const Task& task, const Head& head) {
  const bool may = task.allow_rollback || (task.take_over && !task.shallow);
  if (may || !is_of_another_source(task, head)) return {};
  return Error{.code = Errc::guard,
               .message = fmt::format("the records of cluster {} come from {}, not from {}",
                                      task.cluster.text(), head.source, task.origin.source),
               .hint = remedy_of_source(task)};
}

Error no_descent(const Task& task, const Head& head, std::string_view why, std::string_view remedy) {
  return Error{
      .code = Errc::guard,
      .message = fmt::format("commit {:.12} does not descend from {:.12}, which is applied (generation {}){}",
                             task.origin.commit, head.commit, head.serial, why),
      .hint = fmt::format("{}; to go back on purpose: --allow-rollback", remedy)};
}

bool may_go_back(const Task& task) {
  return task.allow_rollback || task.goes_back;
}

// A checkout that was not updated must not undo what newer commits did.
Status check_commit(const Task& task, const std::optional<Descent>& descent, const Head& head) {
  if (descent != Descent::apart || may_go_back(task)) return {};
  return no_descent(task, head, "", "update the checkout");
}

// A host removes objects because a record is absent under a head of the lineage it follows, never
// because the tree itself is gone.
Status check_head(const Task& task, const StoreView& view) {
  if (view.head) return {};
  const auto refused = std::ranges::find(view.refused, "head", &Finding::subject);
  if (refused != view.refused.end()) {
    return Error{.code = Errc::guard,
                 .message = fmt::format("record head is refused: {}", refused->message),
                 .hint = "apply the manifest from a trusted place; nothing was removed here"};
  }
  return Error{.code = Errc::guard,
               .message = fmt::format("the keystore holds no cluster {}", task.cluster.text()),
               .hint = "apply the manifest once with cluster scope; nothing was removed here"};
}

// The store must be the one that this place follows, and no older than what it has seen.
Status check_tree(const Task& task, const Cluster& cluster) {
  if (task.allow_rollback || cluster.puts_back) return {};
  const std::string name = task.cluster.text();
  if (cluster.tree == Tree::foreign) {
    return Error{
        .code = Errc::guard,
        .message = fmt::format("the keystore's cluster {} is another one: lineage {}, this host follows {}",
                               name, cluster.view.head->lineage, cluster.memory.lineage),
        .hint =
            "is it another keystore by mistake? To follow the new one: --allow-rollback; nothing was done"};
  }
  if (cluster.tree != Tree::older) return {};
  return Error{
      .code = Errc::guard,
      .message = fmt::format("the keystore was put back from an older copy: cluster {} is at generation {} "
                             "there, without the generation {} that is remembered here",
                             name, cluster.view.head->serial, cluster.memory.head->serial),
      .hint =
          "to go on from what is remembered here: ovl apply --restored; to follow the older copy: "
          "--allow-rollback; nothing was done"};
}

}  // namespace

Status check_host_name(const StoreView& view, const HostFacts& own) {
  const auto claim = view.claims.find(host_claim(own.host));
  if (claim == view.claims.end() || claim->second == own.machine) return {};
  // A machine that was set up anew keeps its address, and may keep its name.
  const HostFacts* theirs = view.facts.host(own.host);
  if (theirs == nullptr || theirs->vtep == own.vtep) return {};
  const std::string name = own.host.text();
  return Error{.code = Errc::guard,
               .message = fmt::format("the host name {} is taken by another machine, at {}", name,
                                      theirs->vtep ? theirs->vtep->text() : "no address"),
               .hint = fmt::format(
                   "say with --host which host this is; if that machine is gone: ovl host forget {}", name)};
}

Status check_change(const Task& task, const Cluster& cluster, const std::optional<Descent>& descent) {
  if (const Head* head = cluster.followed_head()) {
    OVL_CHECK(check_source(task, *head));
    OVL_CHECK(check_commit(task, descent, *head));
  }
  return check_tree(task, cluster);
}

Status check_following(const Task& task, const Cluster& cluster) {
  if (!cluster.puts_back) OVL_CHECK(check_head(task, cluster.view));
  return check_tree(task, cluster);
}

Result<std::optional<Descent>> find_descent(const Task& task, const Cluster& cluster) {
  const Head* head = cluster.followed_head();
  if (head == nullptr || head->commit.empty() || !task.descent || is_of_another_source(task, *head)) {
    return std::optional<Descent>();
  }
  OVL_TRY(const Descent descent, task.descent(head->commit));
  return std::optional(descent);
}

Status check_nothing_undone(const Task& task, const Cluster& cluster, const std::optional<Descent>& descent) {
  if (descent != Descent::unknown || may_go_back(task)) return {};
  return no_descent(task, *cluster.followed_head(), ", and that one is not in this repository",
                    "fetch it, or update the checkout");
}

bool takes_source(const Task& task, const Want& want, const Cluster& cluster,
                  const std::optional<Descent>& descent) {
  const Head* head = cluster.followed_head();
  if (head == nullptr || !says_what_there_is(want) || !task.selection.all()) return false;
  if (is_of_another_source(task, *head)) return true;
  if (!descent || descent == Descent::follows) return false;
  return descent == Descent::goes_on || descent == Descent::unknown || may_go_back(task);
}

std::string former_source(const Task& task, const Cluster& cluster) {
  const Head* head = cluster.followed_head();
  return head != nullptr && is_of_another_source(task, *head) ? head->source : std::string();
}

std::optional<Finding> refusal_to_begin(const Task& task, const Want& want, const Cluster& cluster) {
  const bool begins = cluster.tree == Tree::absent && says_what_there_is(want);
  const bool spoilt = cluster.view.revisions.contains(StoreLayout(task.cluster).head());
  if (!begins || spoilt || task.may_begin) return std::nullopt;
  return Finding{
      .code = Errc::guard,
      .id = "new-cluster",
      .subject = "cluster " + task.cluster.text(),
      .message =
          "the keystore does not hold it, and this place remembers none: whether it is new or was "
          "lost can't be told",
      .hint =
          "if it is new: --new-cluster; if it was lost: apply first where it is remembered, on one "
          "of its hosts"};
}

std::string digest_of(const Records& records) {
  std::string text;
  for (const HostRecord& record : records.hosts) text += encode(record).json() + "\n";
  for (const NetworkRecord& record : records.networks) text += encode(record).json() + "\n";
  for (const EndpointRecord& record : records.endpoints) text += encode(record).json() + "\n";
  return sha256_hex(text);
}

}  // namespace ovl
