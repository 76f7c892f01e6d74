#include "reconcile/cluster/write.hpp"

#include <algorithm>

#include "reconcile/base/ids.hpp"
#include "reconcile/cluster/execute_records.hpp"
#include "reconcile/cluster/fit.hpp"
#include "reconcile/cluster/guards.hpp"
#include "reconcile/cluster/lost_hosts.hpp"

namespace ovl {

namespace {

// A write of records that was cut short has left claims of the generation before, or its head.
bool was_cut_short(const Cluster& cluster, const Draft& draft) {
  if (!cluster.view.head) return false;
  return cluster.view.head->digest != digest_of(draft.desired) ||
         !claims_fit(cluster.view.claims, claims_of(draft.desired));
}

Head next_head(const Task& task, const Cluster& cluster, const Draft& draft, const std::string& apply_id) {
  const Memory& known = cluster.memory;
  Head head = cluster.view.head.value_or(Head{.lineage = random_id()});
  if (cluster.puts_back) {
    if (known.head) head = *known.head;
    head.lineage = known.lineage;
  }
  head.serial = next_serial(cluster);
  if (!task.origin.source.empty()) {
    head.source = task.origin.source;
    head.commit = task.origin.commit;
  }
  head.digest = digest_of(draft.desired);
  head.apply_id = apply_id;
  return head;
}

// What a draft reads of the tree, and whoever it is about has not just said.
bool counts_for_drafts(const std::string& key, const StoreLayout& layout, const HostName& self) {
  constexpr std::string_view folders[] = {"hosts/", "networks/", "endpoints/", "claims/", "facts/"};
  const std::string_view below = std::string_view(key).substr(layout.root().size());
  if (!self.empty() && key == layout.facts(self)) return false;
  const auto stands_in = [&](std::string_view folder) { return below.starts_with(folder); };
  return below == "head" || below == "put-back" || std::ranges::any_of(folders, stands_in);
}

std::pair<std::int64_t, bool> realised_of(const HostStatus& status) {
  return {status.serial, is_lost(status)};
}

// The host that a key is the status of; empty: it is of none.
std::string status_host(const std::string& key, const StoreLayout& layout) {
  const std::string folder = layout.root() + "status/";
  return key.starts_with(folder) ? key.substr(folder.size()) : std::string();
}

}  // namespace

Fingerprint::Fingerprint(const StoreView& view, const StoreLayout& layout, const HostName& self) {
  for (const auto& [key, revision] : view.revisions) {
    if (counts_for_drafts(key, layout, self)) revisions_.emplace(key, revision);
  }
  for (const auto& [host, status] : view.status) {
    if (host != self.text()) realised_.emplace(host, realised_of(status));
  }
}

Fingerprint::Fingerprint(const Snapshot& tree, const StoreLayout& layout, const HostName& self) {
  for (const KeyValue& item : tree.items) {
    if (counts_for_drafts(item.key, layout, self)) revisions_.emplace(item.key, item.modified);
    const std::string host = status_host(item.key, layout);
    if (host.empty() || host == self.text()) continue;
    const auto value = Value::parse_json(item.value);
    if (!value.ok()) continue;
    const auto status = decode<HostStatus>(value.value());
    if (status.ok()) realised_.emplace(host, realised_of(status.value()));
  }
}

bool writes_records(const Cluster& cluster, const Draft& draft) {
  if (!draft.may_write) return false;
  return cluster.puts_back || draft.takes_source || !draft.changes.empty() ||
         has_refused_records(cluster.view) || was_cut_short(cluster, draft);
}

Result<StoreLock> lock_store(const Task& task, World& world) {
  StoreLock::Options options;
  options.ttl = task.lock_ttl;
  options.timeout = task.lock_timeout;
  options.is_dead = world.holder_is_dead;
  options.stop = world.stop;
  options.waiting = [&](const std::string& held) { world.waits(held, task.lock_timeout); };
  return StoreLock::acquire(*world.keystore, StoreLayout(task.cluster), world.holder, options);
}

Status keep_records(State& state, const Task& task, const World& world, const Cluster& cluster,
                    const Draft& draft) {
  const Standpoint at{.head = *cluster.view.head,
                      .put_back = cluster.view.put_back,
                      .keystore_access = task.keystore_access,
                      .now = world.now};
  OVL_CHECK(keep_memory(state, at));
  return save_last_good(state, draft.desired, cluster.view.facts, at.head);
}

Status keep_what_was_written(const Task& task, const World& world, const Cluster& cluster,
                             const Draft& draft) {
  if (world.memory == nullptr || !cluster.view.head) return {};
  OVL_TRY(const Memory before, memory_of(*world.memory));
  if (before.head == cluster.view.head) return {};
  Status kept = keep_records(*world.memory, task, world, cluster, draft);
  // The records are written, whether they are kept or not.
  const bool fatal = !kept.ok() && kept.error().code != Errc::privilege && kept.error().code != Errc::io &&
                     kept.error().code != Errc::unsupported;
  return fatal ? kept : Status();
}

Status write(const Task& task, World& world, Cluster& cluster, const Draft& draft, StoreLock& lock,
             const std::string& apply_id, const Progress& progress) {
  const Head head = next_head(task, cluster, draft, apply_id);
  std::optional<PutBack> put_back;
  if (cluster.puts_back)
    put_back = put_back_record(cluster.memory, cluster.view, cluster.remembered.serial, head.serial);
  OVL_CHECK(execute_records(*world.keystore, StoreLayout(task.cluster), cluster.view, draft.desired, head,
                            lock, progress, put_back));
  cluster.view.head = head;
  if (put_back) cluster.view.put_back = std::move(put_back);
  return {};
}

}  // namespace ovl
