#include "reconcile/guards.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "reconcile/ids.hpp"

namespace ovl {

namespace {

bool is_of_another_source(const Request& request, const Head& head) {
  return !request.origin.source.empty() && !head.source.empty() && head.source != request.origin.source;
}

// A clone without its beginning would pass for a plain folder.
std::string remedy_of_source(const Request& request) {
  if (request.shallow) {
    return "this clone is shallow and does not know where its history begins: git fetch --unshallow";
  }
  return "apply from there, or give this cluster another name; is this to be its source from now on, say so "
         "once, where the keystore can be reached: ovl apply --take-over";
}

Status check_source(const Request& request, const Head& head) {
  const bool may = request.allow_rollback || (request.take_over && !request.shallow);
  if (may || !is_of_another_source(request, head)) return {};
  return Error{.code = Errc::guard,
               .message = fmt::format("the records of cluster {} come from {}, not from {}",
                                      request.cluster.text(), head.source, request.origin.source),
               .hint = remedy_of_source(request)};
}

Error no_descent(const Request& request, const Head& head, std::string_view why, std::string_view remedy) {
  return Error{
      .code = Errc::guard,
      .message = fmt::format("commit {:.12} does not descend from {:.12}, which is applied (generation {}){}",
                             request.origin.commit, head.commit, head.serial, why),
      .hint = fmt::format("{}; to go back on purpose: --allow-rollback", remedy)};
}

bool may_go_back(const Request& request) {
  return request.allow_rollback || request.goes_back;
}

// A checkout that was not updated must not undo what newer commits did.
Status check_commit(const Request& request, const Planned& planned, const Head& head) {
  if (planned.descent != Descent::apart || may_go_back(request)) return {};
  return no_descent(request, head, "", "update the checkout");
}

// A host removes objects because a record is absent under a head of the lineage it follows, never
// because the tree itself is gone.
Status check_head(const Request& request, const StoreView& view) {
  if (request.scope != Scope::host || request.destroy || view.head) return {};
  const auto refused = std::ranges::find(view.refused, "head", &Finding::subject);
  if (refused != view.refused.end()) {
    return Error{.code = Errc::guard,
                 .message = fmt::format("record head is refused: {}", refused->message),
                 .hint = "apply the manifest from a trusted place; nothing was removed here"};
  }
  return Error{.code = Errc::guard,
               .message = fmt::format("the keystore holds no cluster {}", request.cluster.text()),
               .hint = "apply the manifest once with cluster scope; nothing was removed here"};
}

// The store must be the one that this place follows, and no older than what it has seen.
Status check_tree(const Request& request, const Planned& planned) {
  if (request.allow_rollback || planned.puts_back) return {};
  const std::string cluster = request.cluster.text();
  if (planned.tree == Tree::foreign) {
    return Error{
        .code = Errc::guard,
        .message = fmt::format("the keystore's cluster {} is another one: lineage {}, this host follows {}",
                               cluster, planned.view.head->lineage, planned.memory.lineage),
        .hint =
            "is it another keystore by mistake? To follow the new one: --allow-rollback; nothing was done"};
  }
  if (planned.tree != Tree::older) return {};
  return Error{
      .code = Errc::guard,
      .message = fmt::format("the keystore was put back from an older copy: cluster {} is at generation {} "
                             "there, without the generation {} that is remembered here",
                             cluster, planned.view.head->serial, planned.memory.head->serial),
      .hint =
          "to go on from what is remembered here: ovl apply --restored; to follow the older copy: "
          "--allow-rollback; nothing was done"};
}

// Where there is no tree, or not the one that counts, what is remembered has its source and commit.
const Head* followed_head(const Planned& planned) {
  if (planned.puts_back && planned.memory.head) return &*planned.memory.head;
  return planned.view.head ? &*planned.view.head : nullptr;
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

Status check_guards(const Request& request, const Planned& planned) {
  const Head* head = followed_head(planned);
  if (head != nullptr && request.scope != Scope::host) {
    OVL_CHECK(check_source(request, *head));
    OVL_CHECK(check_commit(request, planned, *head));
  }
  if (!planned.puts_back) OVL_CHECK(check_head(request, planned.view));
  return check_tree(request, planned);
}

Result<std::optional<Descent>> find_descent(const Request& request, const Planned& planned) {
  const Head* head = followed_head(planned);
  if (head == nullptr || request.scope == Scope::host || head->commit.empty() || !request.descent ||
      is_of_another_source(request, *head)) {
    return std::optional<Descent>();
  }
  OVL_TRY(const Descent descent, request.descent(head->commit));
  return std::optional(descent);
}

Status check_nothing_undone(const Request& request, const Planned& planned) {
  const bool nothing = planned.plan.record_changes.empty() && planned.plan.waiting.empty();
  if (planned.descent != Descent::unknown || nothing || may_go_back(request)) return {};
  return no_descent(request, *followed_head(planned), ", and that one is not in this repository",
                    "fetch it, or update the checkout");
}

bool takes_source(const Request& request, const Planned& planned) {
  const Head* head = followed_head(planned);
  const bool writes = request.scope != Scope::host && !request.destroy && !request.refresh_only &&
                      request.selection.all() && request.moves.empty();
  if (head == nullptr || !writes || !planned.problems.empty()) return false;
  if (is_of_another_source(request, *head)) return true;
  if (!planned.descent || planned.descent == Descent::follows) return false;
  return planned.descent == Descent::goes_on || planned.descent == Descent::unknown || may_go_back(request);
}

std::string former_source(const Request& request, const Planned& planned) {
  const Head* head = followed_head(planned);
  const bool other = head != nullptr && planned.takes_source && is_of_another_source(request, *head);
  return other ? head->source : std::string();
}

std::optional<Finding> refusal_to_begin(const Request& request, const Planned& planned) {
  const bool begins = planned.tree == Tree::absent && request.scope != Scope::host && !request.destroy &&
                      !request.refresh_only && request.moves.empty();
  const bool spoilt = planned.view.revisions.contains(StoreLayout(request.cluster).head());
  if (!begins || spoilt || request.may_begin) return std::nullopt;
  return Finding{
      .code = Errc::guard,
      .id = "new-cluster",
      .subject = "cluster " + request.cluster.text(),
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
