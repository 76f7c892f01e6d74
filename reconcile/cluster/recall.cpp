#include "reconcile/cluster/recall.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "reconcile/cluster/guards.hpp"

namespace ovl {

namespace {

Finding put_back_warning(const Task& task, const Want& want, const Cluster& cluster) {
  Finding out{
      .code = Errc::not_found,
      .id = "keystore-lost",
      .subject = "cluster " + task.cluster.text(),
      .message = fmt::format("the keystore has lost it; it is rebuilt as this host knew it at generation {}",
                             cluster.remembered.serial),
      .hint = "if this is another keystore by mistake, do not apply"};
  if (std::holds_alternative<Nothing>(want)) {
    out.message = fmt::format(
        "the keystore does not hold what is remembered here, generation {}; that it is destroyed is written "
        "there all the same, so that nobody puts it back",
        cluster.remembered.serial);
    return out;
  }
  if (cluster.tree == Tree::lost) return out;
  out.code = Errc::conflict;
  out.id = "keystore-put-back";
  const Head& head = *cluster.view.head;
  out.message =
      head.lineage == cluster.memory.lineage
          ? fmt::format(
                "the keystore is at generation {} of an older copy; it is brought forward from what is "
                "remembered here, generation {}",
                head.serial, cluster.remembered.serial)
          : fmt::format(
                "it was begun anew in the keystore (lineage {}, generation {}); lineage, ids and addresses "
                "are put back as this place knew them at generation {}, lineage {}",
                head.lineage, head.serial, cluster.remembered.serial, cluster.memory.lineage);
  return out;
}

// A store that was wiped, begun anew or put back from an older copy gets back the ids, VNIs and addresses
// that the hosts still use.
Status put_back(const Task& task, const Want& want, const State& state, Cluster& cluster) {
  OVL_TRY(cluster.remembered, remember(state));
  cluster.known = put_back(cluster.remembered.records, cluster.view.records);
  cluster.lost_counts = true;
  recall_facts(cluster.remembered.facts, cluster.view.facts);
  cluster.warnings.push_back(put_back_warning(task, want, cluster));
  return {};
}

// Where it is remembered: by this host, or by whoever writes records here. The one that knows the store's
// lineage counts, of two that do the newer one.
Result<const State*> recollect(const World& world, Cluster& cluster) {
  const State* found = nullptr;
  const auto is_better = [&](const Memory& other) {
    if (found == nullptr || cluster.memory.lineage.empty()) return true;
    if (other.lineage != cluster.memory.lineage) {
      return cluster.view.head && other.lineage == cluster.view.head->lineage;
    }
    return other.head && (!cluster.memory.head || other.head->serial > cluster.memory.head->serial);
  };
  const std::array<const State*, 2> places{world.state, world.memory};
  for (const State* state : places) {
    if (state == nullptr) continue;
    OVL_TRY(Memory memory, memory_of(*state));
    if (!is_better(memory)) continue;
    cluster.memory = std::move(memory);
    found = state;
  }
  return found;
}

// The generation that is written is the whole cluster for everybody who follows it.
Status refuse_part(const Task& task, const Cluster& cluster) {
  if (!cluster.puts_back || task.selection.all()) return {};
  return Error{
      .code = Errc::guard,
      .message = fmt::format("cluster {}: what the keystore has lost is put back as a whole, and this "
                             "is a part of it",
                             task.cluster.text()),
      .hint = "apply the whole manifest first; nothing was done here"};
}

Status check_restored(const Task& task, const Cluster& cluster) {
  if (!task.restored || !cluster.memory.lineage.empty()) return {};
  return Error{.code = Errc::guard,
               .message = fmt::format("nothing is remembered here of cluster {}", task.cluster.text()),
               .hint = "put it back where it is remembered: on one of its hosts"};
}

}  // namespace

void recall_facts(const Facts& remembered, Facts& facts) {
  for (const HostFacts& known : remembered.hosts) {
    if (facts.host(known.host) == nullptr) facts.set(known);
  }
}

Status recall(const Task& task, const Want& want, const World& world, Cluster& cluster) {
  OVL_TRY(const State* const state, recollect(world, cluster));
  OVL_CHECK(check_restored(task, cluster));
  cluster.tree = judge(cluster.memory, cluster.view, url_of(task.keystore_access));
  if (auto refused = refusal_to_begin(task, want, cluster)) cluster.refused.push_back(std::move(*refused));
  const bool told = task.restored && (cluster.tree == Tree::older || cluster.tree == Tree::foreign);
  // A head that fails its validation is somebody's doing: against that it takes who says what is wanted.
  const bool spoilt = !cluster.view.head && std::holds_alternative<AsTheyAre>(want) &&
                      cluster.view.revisions.contains(StoreLayout(task.cluster).head());
  cluster.puts_back = !spoilt && state != nullptr && (told || is_put_back(cluster.tree));
  OVL_CHECK(refuse_part(task, cluster));
  return cluster.puts_back ? put_back(task, want, *state, cluster) : Status();
}

bool is_away(const Error& why, const std::string& url) {
  if (why.code == Errc::unreachable) return true;
  const bool is_server = !url.empty() && !url.starts_with("sqlite:");
  return is_server && (why.code == Errc::io || why.code == Errc::privilege || why.code == Errc::corrupt ||
                       why.code == Errc::in_doubt || why.code == Errc::not_found);
}

Status stand_alone(const Task& task, const World& world, const Error& why, Cluster& cluster) {
  if (!is_away(why, url_of(task.keystore_access))) return why;
  OVL_TRY(cluster.memory, memory_of(*world.state));
  if (!cluster.memory.head) return why;
  OVL_TRY(cluster.remembered, remember(*world.state));
  cluster.away = true;
  cluster.view.head = cluster.memory.head;
  cluster.view.records = cluster.remembered.records;
  cluster.view.facts = cluster.remembered.facts;
  cluster.warnings.push_back(Finding{
      .code = Errc::unreachable,
      .id = "keystore-away",
      .subject = "cluster " + task.cluster.text(),
      .message =
          fmt::format("the keystore can't be reached; this host keeps to generation {}, which it realised "
                      "last, and removes nothing ({})",
                      cluster.memory.head->serial, why.message),
      .hint = "it follows the store when that is back"});
  return {};
}

}  // namespace ovl
