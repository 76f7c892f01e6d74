#include "reconcile/host/own.hpp"

#include <algorithm>

#include "model/records/abilities.hpp"
#include "reconcile/cluster/execute_records.hpp"
#include "reconcile/cluster/guards.hpp"
#include "reconcile/cluster/lost_hosts.hpp"
#include "reconcile/cluster/read_cluster.hpp"
#include "reconcile/manifest/record_size.hpp"
#include "reconcile/objects/full_ttl.hpp"
#include "reconcile/objects/held_by_pool.hpp"
#include "reconcile/objects/project.hpp"

namespace ovl {

namespace {

// Those that stand for them are not what the store has.
bool has_refused_facts(const StoreView& view, const HostName& host) {
  return std::ranges::any_of(
      view.refused, [&](const Finding& finding) { return finding.subject == "facts/" + host.text(); });
}

Result<HostFacts> ask_facts(const Task& task, World& world, const Cluster& cluster) {
  OVL_TRY(const FactsRequest wanted, facts_request(task.host, task.manifest, cluster.standing()));
  return world.kernel->facts(wanted);
}

Result<HostFacts> ask_facts_following(const Task& task, World& world, Cluster& cluster) {
  auto facts = ask_facts(task, world, cluster);
  const bool has_choice = !cluster.puts_back && !cluster.away;
  if (facts.ok() || facts.error().code != Errc::conflict || !has_choice) return facts;
  const std::size_t told = cluster.view.refused.size();
  OVL_TRY(const bool refused,
          refuse_own_address(*world.state, task.host, facts.error().message, cluster.view));
  if (!refused) return facts;
  OVL_CHECK(restore_frozen(*world.state, cluster.view));
  tell_refused(told, cluster);
  return ask_facts(task, world, cluster);
}

void say_abilities(HostFacts& facts, bool full_ttl) {
  facts.version = full_ttl ? version_saying(facts.version,
                                            {Ability::full_ttl, Ability::new_words, Ability::shared_aliases})
                           : version_saying(facts.version, {Ability::new_words, Ability::shared_aliases});
}

// Beside what the others have published, which this host's own are laid over.
Result<Own> made_known(const Task& task, World& world, HostFacts facts, Cluster& cluster) {
  Own own;
  if (fit_facts(facts)) own.warnings.push_back(facts_cut(task.host));
  OVL_CHECK(check_host_name(cluster.view, facts));
  say_abilities(facts, false);
  const HostFacts* published = cluster.view.facts.host(task.host);
  const bool named = cluster.view.claims.contains(host_claim(task.host));
  if (published != nullptr && named && !has_refused_facts(cluster.view, task.host)) {
    own.published = *published;
  }
  OVL_TRY(const std::vector<ChangedSysctl> changed, changed_sysctls(*world.state));
  OVL_TRY(own.switches, host_switches(*world.kernel, task.cluster, changed, facts.uplinks));
  cluster.view.facts.set(facts);
  own.facts = std::move(facts);
  return own;
}

// A build before that refuses facts with a member that it does not know. Who is lost reads nothing.
bool all_read_new_facts(const Cluster& cluster) {
  return std::ranges::all_of(cluster.view.facts.hosts, [&](const HostFacts& facts) {
    return says(facts.version, Ability::shared_aliases) ||
           std::ranges::binary_search(cluster.lost, facts.host);
  });
}

bool is_known(const Task& task, const Cluster& cluster) {
  return is_declared(task.host, task.manifest, cluster.standing());
}

bool has_news(const Cluster& cluster, const Own& own) {
  return own.facts && own.published != own.facts && !cluster.away;
}

}  // namespace

Result<Own> look_at_self(const Task& task, World& world, Cluster& cluster) {
  if (!is_known(task, cluster)) return Own();
  OVL_TRY(HostFacts facts, ask_facts(task, world, cluster));
  return made_known(task, world, std::move(facts), cluster);
}

Result<Own> look_at_self_following(const Task& task, World& world, Cluster& cluster) {
  if (!is_known(task, cluster)) return Own();
  OVL_TRY(HostFacts facts, ask_facts_following(task, world, cluster));
  return made_known(task, world, std::move(facts), cluster);
}

Result<Surroundings> surroundings(const Task& task, World& world, const Cluster& cluster, const Own& own) {
  Surroundings out;
  for (const KeystoreAddress& store : task.keystores) {
    if (!store.address.empty() && !store.address.is_loopback()) out.stores.push_back(store.address);
  }
  if (!own.facts) return out;
  const ProjectInput input{.cluster = task.cluster,
                           .host = task.host,
                           .records = cluster.known,
                           .facts = cluster.view.facts,
                           .keystores = task.keystores};
  OVL_TRY(const bool anew, chooses_pool_anew(*world.kernel, input));
  if (anew) out.anew.insert(task.host);
  return out;
}

Status find_foreign_drops(const Task& task, World& world, const Records& desired, Cluster& cluster,
                          Own& own) {
  if (!own.facts) return {};
  OVL_TRY(const std::vector<NftTable> others, world.kernel->filters_of_others());
  own.drops = foreign_drops(others, {.name = task.host, .records = desired, .facts = cluster.view.facts});
  std::vector<std::string>& forward_drops = own.facts->forward_drops;
  forward_drops.clear();
  for (const ForeignDrop& drop : own.drops) {
    if (drop.traffic == Traffic::way_out) forward_drops.push_back(drop.chain);
  }
  static_cast<void>(fit_facts(*own.facts));  // what else was cut is told already
  cluster.view.facts.set(*own.facts);
  return {};
}

void say_what_holds(const HostObjects& observed, const Task& task, const Records& desired, Cluster& cluster,
                    Own& own) {
  if (!own.facts) return;
  auto refused = refused_by(observed.find(NetnsName()), task.cluster, desired);
  own.facts->refuses.reset();
  if (!refused.empty() && all_read_new_facts(cluster)) own.facts->refuses = std::move(refused);
  say_abilities(*own.facts, sends_full_ttl(observed));
  cluster.view.facts.set(*own.facts);
}

Status publish_own_facts(const Task& task, World& world, const Cluster& cluster, Own& own) {
  if (!has_news(cluster, own)) return {};
  own.published = own.facts;
  return publish_facts(*world.keystore, StoreLayout(task.cluster), cluster.view, *own.facts);
}

Status publish_what_came_true(const Task& task, World& world, const Cluster& cluster, Own& own) {
  if (!has_news(cluster, own)) return {};
  own.published = own.facts;
  return publish(*world.keystore, StoreLayout(task.cluster).facts(task.host), encode(*own.facts));
}

}  // namespace ovl
