#include "reconcile/cluster/read_cluster.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "reconcile/cluster/fit.hpp"
#include "reconcile/cluster/lost_hosts.hpp"
#include "reconcile/cluster/recall.hpp"

namespace ovl {

namespace {

Error newer_head() {
  return Error{.code = Errc::unsupported,
               .message = "a newer ovl leads this cluster, in a format that this one can't read",
               .hint = "update ovl here; this host stays as it is till then"};
}

Result<StoreView> look_into_store(const Task& task, const World& world) {
  if (world.keystore == nullptr) return world.why_away;
  OVL_TRY(StoreView view, read_store(*world.keystore, StoreLayout(task.cluster)));
  // Without a head that can be read the tree looks like one that was lost, and would be filled again.
  if (std::ranges::find(view.newer, "head") != view.newer.end()) return newer_head();
  if (!view.head) OVL_CHECK(world.in_place());
  return view;
}

// Whoever changes records writes what is refused anew. Of what a newer build wrote nothing is overwritten,
// nor removed, by one that can't know what it says; what hosts say of themselves is theirs to write.
void refuse_what_is_newer(Cluster& cluster) {
  for (const std::string& key : cluster.view.newer) {
    if (key.starts_with("facts/") || key.starts_with("status/")) continue;
    cluster.refused.push_back(Finding{.code = Errc::guard,
                                      .id = "newer-format",
                                      .subject = key,
                                      .message = "a newer ovl wrote it, in a format that this one can't read",
                                      .hint = "update ovl here, or apply where it is newer"});
  }
}

// What there is, against what is remembered.
Result<Cluster> judged(const Task& task, const Want& want, const World& world, StoreView view) {
  Cluster cluster{.view = std::move(view)};
  tell_refused(0, cluster);
  if (auto unknown = unknown_keys(cluster.view)) cluster.warnings.push_back(std::move(*unknown));
  cluster.known = cluster.view.records;
  OVL_CHECK(recall(task, want, world, cluster));
  return cluster;
}

// Refused records are written anew, with the ids, VNIs and addresses of the last good ones where this
// host has those. A host's facts are its own to write: till then the last good ones stand.
void recall_refused(const World& world, Cluster& cluster) {
  const State* state = world.state != nullptr ? world.state : world.memory;
  if (cluster.view.refused.empty() || !cluster.view.head || state == nullptr) return;
  if (cluster.puts_back || cluster.misfit) return;
  StoreView good = cluster.view;
  if (!restore_frozen(*state, good).ok()) return;
  cluster.known = std::move(good.records);
  cluster.view.facts = std::move(good.facts);
}

// The last good records stand for what is refused, and each of those is told.
Status stand_on_good(const Task& task, const World& world, Cluster& cluster) {
  const std::size_t told = cluster.view.refused.size();
  OVL_CHECK(keep_pool_apart(*world.state, task.host, cluster.view));
  OVL_CHECK(restore_frozen(*world.state, cluster.view));
  tell_refused(told, cluster);
  cluster.stands_on_good = true;
  return {};
}

Result<Cluster> stand_in(const Task& task, const World& world, const Error& why) {
  if (world.state == nullptr) return why;
  Cluster cluster;
  OVL_CHECK(stand_alone(task, world, why, cluster));
  OVL_TRY(cluster.lost, recall_lost(*world.state));
  return cluster;
}

}  // namespace

void tell_refused(std::size_t told, Cluster& cluster) {
  const std::vector<Finding>& refused = cluster.view.refused;
  cluster.warnings.insert(cluster.warnings.end(), refused.begin() + static_cast<std::ptrdiff_t>(told),
                          refused.end());
}

namespace {

// Those of the task, and of the manifest that is wanted, if one is.
std::vector<Move> moves_of(const Task& task, const Want& want) {
  std::vector<Move> moves = task.moves;
  if (const Declared* declared = std::get_if<Declared>(&want)) {
    for (Move& move : moves_of(*declared->manifest)) moves.push_back(std::move(move));
  }
  return moves;
}

}  // namespace

Status check_own_name(const Task& task, const World& world, const Cluster& cluster) {
  if (cluster.away || cluster.view.records.host(task.host) != nullptr) return {};
  OVL_TRY(const Remembered known, remember(*world.state));
  const HostRecord* before = known.records.host(task.host);
  if (before == nullptr) return {};
  const auto now = std::ranges::find(cluster.view.records.hosts, before->id, &HostRecord::id);
  if (now == cluster.view.records.hosts.end()) return {};
  return Error{.code = Errc::stale,
               .message = fmt::format("host {} is called {} by now", task.host.text(), now->name.text()),
               .hint = "apply again; nothing was done"};
}

void know_by_new_names(const Task& task, const Want& want, Cluster& cluster) {
  const std::vector<Move> moves = moves_of(task, want);
  move_records(moves, cluster.known, cluster.view.homeless);
  move_facts(moves, cluster.known, cluster.view.facts, cluster.view.status);
  if (!std::holds_alternative<Declared>(want)) return;
  for (Finding& finding : blocked_moves(moves, cluster.known)) cluster.warnings.push_back(std::move(finding));
}

Result<Cluster> read_to_change(const Task& task, const Want& want, World& world) {
  OVL_TRY(StoreView view, look_into_store(task, world));
  OVL_TRY(Cluster cluster, judged(task, want, world, std::move(view)));
  refuse_what_is_newer(cluster);
  OVL_CHECK(fill_what_is_missing(task, want, world, cluster));
  recall_refused(world, cluster);
  know_by_new_names(task, want, cluster);
  cluster.lost = lost_hosts(cluster.view);
  if (cluster.misfit || has_refused_records(cluster.view)) keep_claimed(cluster.view, cluster.known);
  return cluster;
}

Result<Cluster> read_to_follow(const Task& task, World& world) {
  auto view = look_into_store(task, world);
  if (!view.ok()) return stand_in(task, world, view.error());
  OVL_TRY(Cluster cluster, judged(task, AsTheyAre(), world, std::move(view).value()));
  OVL_CHECK(keep_to_what_fits(task, world, cluster));
  if (cluster.away) {
    OVL_TRY(cluster.lost, recall_lost(*world.state));
    return cluster;
  }
  cluster.lost = lost_hosts(cluster.view);
  if (!cluster.puts_back) OVL_CHECK(stand_on_good(task, world, cluster));
  return cluster;
}

}  // namespace ovl
