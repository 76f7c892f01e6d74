// There and back again: A, B and A restore A, in the store and on every host.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "proptest/hits.hpp"
#include "proptest/rig.hpp"
#include "proptest/site.hpp"
#include "tests/support/effort.hpp"

namespace ovl {

namespace {

// The records, and everything that the hosts hold.
struct Standing {
  Records records;
  std::vector<HostObjects> hosts;
};

Standing standing_of(Site& site, const Manifest& manifest) {
  Standing out{.records = site.view(manifest).records};
  for (const HostBlock& host : manifest.hosts) out.hosts.push_back(site.kernel(host.name).objects());
  return out;
}

void must_settle(Site& site, const Manifest& manifest) {
  const Status settled = site.settle(manifest);
  if (!settled.ok()) RC_FAIL(settled.error().message);
}

template <class Record>
void check_same(const std::vector<Record>& is, const std::vector<Record>& was) {
  for (std::size_t i = 0; i < std::min(is.size(), was.size()); ++i) {
    if (!(is[i] == was[i])) RC_LOG() << encode(is[i]).json() << "\nwas " << encode(was[i]).json() << "\n";
  }
  const bool same = is == was;
  RC_ASSERT(same);
}

void check_same(const HostObjects& is, const HostObjects& was) {
  const std::vector<std::string> lines = differences_of(is, was);
  for (const std::string& line : lines) RC_LOG() << line << "\n";
  RC_ASSERT(lines.empty());
}

void check_restores(const Manifest& first, const Manifest& other) {
  const Manifest second = gen::giving_no_more(first, other);
  Site site;
  must_settle(site, first);
  const Standing was = standing_of(site, first);
  must_settle(site, second);
  must_settle(site, first);
  const Standing is = standing_of(site, first);
  check_same(is.records.hosts, was.records.hosts);
  check_same(is.records.networks, was.records.networks);
  check_same(is.records.endpoints, was.records.endpoints);
  for (std::size_t i = 0; i < was.hosts.size(); ++i) check_same(is.hosts[i], was.hosts[i]);
}

// Until every host stands at the last generation, and remembers it.
void must_stand(Site& site, const Manifest& manifest) {
  must_settle(site, manifest);
  const Status applied = site.apply_all(manifest);
  if (!applied.ok()) RC_FAIL(applied.error().message);
}

void must_apply(const Result<Applied>& applied) {
  if (!applied.ok()) RC_FAIL(applied.error().message);
}

void must_refuse(const Result<Applied>& applied) {
  RC_ASSERT(!applied.ok());
  RC_ASSERT(applied.error().code == Errc::guard);
}

HostName any_host(const Manifest& manifest) {
  return (*rc::gen::elementOf(manifest.hosts)).name;
}

// Another manifest with the hosts of this one.
Manifest on_hosts_of(const Manifest& manifest, Manifest other) {
  other.hosts = manifest.hosts;
  std::erase_if(other.endpoints, [&](const EndpointBlock& endpoint) {
    return std::ranges::none_of(other.hosts,
                                [&](const HostBlock& host) { return host.name == endpoint.host.value; });
  });
  return other;
}

// Another value that passes its validation, or one that does not.
std::string edited(const std::string& text) {
  auto value = Value::parse_json(text);
  if (!value.ok() || *rc::gen::arbitrary<bool>()) return "{";
  Value labels = Value::object();
  labels.set("edited", "yes");
  value.value().set("labels", std::move(labels));
  if (value.value().find("vni") != nullptr) value.value().set("vni", Value(std::int64_t{77}));
  return value.value().json();
}

// Any of the records, and of the claims.
void spoil(Site& site, const StoreLayout& layout, const StoreView& view) {
  const auto store = site.store().connect();
  for (const auto& [key, revision] : view.revisions) {
    const std::string below = key.substr(layout.root().size());
    const bool is_claim = below.starts_with("claims/") && !below.starts_with("claims/host/");
    const bool is_record =
        below.starts_with("hosts/") || below.starts_with("networks/") || below.starts_with("endpoints/");
    const bool hit = (is_claim || is_record) && *rc::gen::inRange(0, 4) == 0;
    if (!hit) continue;
    Write write{.key = key};
    const bool edits = is_record && *rc::gen::arbitrary<bool>();
    if (edits) {
      const auto there = store->get(key);
      RC_ASSERT(there.ok());
      write.value = edited(there.value()->value);
    }
    RC_ASSERT(store->commit({.writes = {std::move(write)}}).ok());
  }
}

bool warns(const Result<Applied>& applied) {
  must_apply(applied);
  return std::ranges::any_of(applied.value().planned.plan.warnings,
                             [](const Finding& finding) { return finding.id.text() == "keystore-partial"; });
}

// While somebody writes, half of it is there, and nobody warns of that.
void check_told(Site& site, const Manifest& manifest) {
  const HostName host = any_host(manifest);
  const std::string lock = StoreLayout(manifest.cluster.value).lock();
  const StoreLock::Holder other{.who = "another", .host = "o", .boot = "b", .pid = 2, .since = 1};
  const auto store = site.store().connect();
  RC_ASSERT(store->commit({.writes = {{.key = lock, .value = encode(other).json()}}}).ok());
  const auto quiet = site.follow(manifest, host);
  RC_ASSERT(!warns(quiet));
  RC_ASSERT(!quiet.value().planned.plan.waiting.empty());
  RC_ASSERT(store->commit({.writes = {{.key = lock}}}).ok());
  // Where all that was written is refused by itself, its last good ones stand, and that is told.
  const auto then = site.follow(manifest, host);
  RC_ASSERT(warns(then) || !then.value().planned.cluster.view.refused.empty());
}

void check_same_records(const StoreView& is, const StoreView& was) {
  check_same(is.records.hosts, was.records.hosts);
  check_same(is.records.networks, was.records.networks);
  check_same(is.records.endpoints, was.records.endpoints);
  RC_ASSERT(is.head->lineage == was.head->lineage);
  RC_ASSERT(is.head->serial > was.head->serial);
  RC_ASSERT(check_cluster_tree(is).empty());
}

}  // namespace

// Whoever comes first may have begun another lineage by then.
RC_GTEST_PROP(Restore, OneMemoryIsEnough, (const Manifest& manifest, const Manifest& other)) {
  static int cases = 0;
  if (test::is_enough(cases)) return;
  Site site;
  const Manifest before = gen::left_open(other);
  must_apply(site.apply(before, before.hosts.front().name));
  must_stand(site, gen::left_open(manifest));
  const StoreView was = site.view(manifest);
  site.lose_store();
  const HostName keeper = any_host(manifest);
  for (const HostBlock& host : manifest.hosts) {
    if (host.name != keeper) site.lose_memory(host.name);
  }
  must_settle(site, gen::left_open(manifest));
  check_same_records(site.view(manifest), was);
}

// The manifest is elsewhere: a host alone puts back what it remembers.
RC_GTEST_PROP(Restore, AHostWithoutTheManifestFillsALostStore, (const Manifest& manifest)) {
  Site site;
  must_stand(site, gen::left_open(manifest));
  const StoreView was = site.view(manifest);
  const HostName host = any_host(manifest);
  const std::uint64_t writes = site.kernel(host).writes();
  site.lose_store();
  must_apply(site.follow(manifest, host));
  check_same_records(site.view(manifest), was);
  RC_ASSERT(site.kernel(host).writes() == writes);
  for (const HostBlock& block : manifest.hosts) must_apply(site.follow(manifest, block.name));
}

// What is destroyed where the store has lost it ends everywhere, as where nothing was lost.
RC_GTEST_PROP(Restore, WhatIsDestroyedOnALostStoreStaysDestroyed, (const Manifest& given)) {
  static int cases = 0;
  if (test::is_enough(cases)) return;
  Manifest manifest = gen::left_open(given);
  for (HostBlock& host : manifest.hosts) host.protect = false;
  for (NetworkBlock& network : manifest.networks) network.protect = false;
  for (EndpointBlock& endpoint : manifest.endpoints) endpoint.protect = false;
  const HostName host = any_host(manifest);
  const auto destroyed = [&](Site& site, bool is_lost) {
    must_stand(site, manifest);
    const std::string lineage = site.view(manifest).head->lineage;
    if (is_lost) site.lose_store();
    must_apply(site.destroy(manifest, host));
    for (const HostBlock& block : manifest.hosts) must_apply(site.follow(manifest, block.name));
    RC_ASSERT(site.view(manifest).records == Records());
    RC_ASSERT(site.view(manifest).head->lineage == lineage);
  };
  Site lost;
  Site there;
  destroyed(lost, true);
  destroyed(there, false);
  for (const HostBlock& block : manifest.hosts) {
    check_same(lost.kernel(block.name).objects(), there.kernel(block.name).objects());
  }
}

// ... and one that was begun anew meanwhile, by whoever remembers nothing.
RC_GTEST_PROP(Restore, TheOlderLineageWins, (const Manifest& manifest, const Manifest& other)) {
  static int cases = 0;
  if (test::is_enough(cases)) return;
  RC_PRE(manifest.hosts.size() > 1U);
  Site site;
  must_stand(site, gen::left_open(manifest));
  const StoreView was = site.view(manifest);
  site.lose_store();
  const HostName forgetful = any_host(manifest);
  site.lose_memory(forgetful);
  must_apply(site.apply(on_hosts_of(manifest, gen::left_open(other)), forgetful));
  RC_ASSERT(site.view(manifest).head->lineage != was.head->lineage);
  for (const HostBlock& block : manifest.hosts) {
    if (block.name != forgetful) must_apply(site.follow(manifest, block.name));
  }
  must_apply(site.follow(manifest, forgetful));
  must_settle(site, gen::left_open(manifest));
  check_same_records(site.view(manifest), was);
}

// An older copy is refused, by hosts alone too, until it is brought forward in one place or followed.
RC_GTEST_PROP(Restore, AnOlderCopyIsSeen, (const Manifest& before, const Manifest& after)) {
  static int cases = 0;
  if (test::is_enough(cases)) return;
  Site site;
  must_settle(site, before);
  const Dump copy = site.copy_store(before);
  must_stand(site, after);
  const StoreView was = site.view(after);
  site.put_back(copy);
  const bool is_older = site.view(after).head->serial < was.head->serial;
  RC_PRE(is_older);
  const HostName host = any_host(after);
  must_refuse(site.apply(after, host));
  must_refuse(site.follow(after, host));
  must_apply(site.restore(after, host));
  must_settle(site, after);
  check_same_records(site.view(after), was);
}

// The same number again, and other records behind it.
RC_GTEST_PROP(Restore, AnotherBranchIsSeen, (const Manifest& manifest)) {
  static int cases = 0;
  if (test::is_enough(cases)) return;
  RC_PRE(manifest.hosts.size() > 1U);
  Site site;
  must_settle(site, manifest);
  const Dump copy = site.copy_store(manifest);
  Manifest less = manifest;
  less.endpoints.clear();
  must_stand(site, less);
  const std::int64_t serial = site.view(manifest).head->serial;
  site.put_back(copy);
  RC_PRE(site.view(manifest).head->serial < serial);
  const HostName forgetful = manifest.hosts.front().name;
  const HostName keeper = manifest.hosts.back().name;
  site.lose_memory(forgetful);
  for (int i = 0; i < 20 && site.view(manifest).head->serial <= serial; ++i) {
    must_apply(site.apply(i % 2 == 0 ? less : manifest, forgetful));
  }
  RC_ASSERT(site.view(manifest).head->serial > serial);
  must_refuse(site.apply(less, keeper));
  must_refuse(site.follow(less, keeper));
  must_apply(site.restore(less, keeper));
  must_settle(site, less);
}

// Some records are lost or edited, and claims with them; the head stays.
RC_GTEST_PROP(Restore, APartOfARecordTreeIsNotRealised, (const Manifest& manifest)) {
  static int cases = 0;
  if (test::is_enough(cases)) return;
  Site site;
  must_stand(site, gen::left_open(manifest));
  const StoreView was = site.view(manifest);
  spoil(site, StoreLayout(manifest.cluster.value), was);
  const bool spoilt = !(site.view(manifest).records == was.records);
  RC_PRE(spoilt);
  RC_ASSERT(!site.copies(manifest));
  for (const HostBlock& host : manifest.hosts) {
    const HostObjects before = site.kernel(host.name).objects();
    must_apply(site.follow(manifest, host.name));
    check_same(site.kernel(host.name).objects(), before);
  }
  must_apply(site.apply(gen::left_open(manifest), any_host(manifest)));
  must_settle(site, gen::left_open(manifest));
  check_same_records(site.view(manifest), was);
}

// Records without the head that they were written for.
TEST(Restore, APublishThatStopsIsNotRealised) {
  Hits hits;
  const bool holds = rc::check([&](const Manifest& before, const Manifest& after) {
    Site site;
    must_stand(site, before);
    const StoreView was = site.view(before);
    KeystoreFault fault;
    fault.call = site.store().call_count() + *rc::gen::inRange<std::size_t>(0, 60);
    fault.when = KeystoreFault::When::before;
    fault.code = Errc::unreachable;
    fault.lasting = true;
    site.store().add_fault(fault);
    static_cast<void>(site.apply(on_hosts_of(before, after), any_host(before)).ok());
    site.store().clear_faults();
    site.store().advance(std::chrono::minutes(2));
    const StoreView now = site.view(before);
    RC_PRE(now.head == was.head);
    const bool cut_off = !(now.records == was.records);
    hits.count(cut_off);  // between records and head
    if (cut_off) check_told(site, before);
    for (const HostBlock& host : before.hosts) {
      const HostObjects had = site.kernel(host.name).objects();
      must_apply(site.follow(before, host.name));
      check_same(site.kernel(host.name).objects(), had);
    }
    must_settle(site, before);
    const StoreView is = site.view(before);
    check_same(is.records.hosts, was.records.hosts);
    check_same(is.records.networks, was.records.networks);
    check_same(is.records.endpoints, was.records.endpoints);
    RC_ASSERT(check_cluster_tree(is).empty());
  });
  EXPECT_TRUE(holds);
  hits.expect_one_in(10);
}

// An import or a copy goes on where it was cut short, also when there is another tree by then.
RC_GTEST_PROP(Restore, AnImportThatWasCutShortIsMadeAgain,
              (const Manifest& manifest, const Manifest& other)) {
  static int cases = 0;
  if (test::is_enough(cases)) return;
  Site site;
  must_settle(site, manifest);
  const Dump copy = site.copy_store(manifest);
  Manifest later = other;
  later.cluster = manifest.cluster;
  must_settle(site, later);
  const Dump second = site.copy_store(manifest);
  site.lose_store();
  const StoreLock::Holder holder{.who = "tester", .host = "h", .boot = "b", .pid = 1, .since = 1};
  site.store().add_fault({.call = site.store().call_count() + *rc::gen::inRange<std::size_t>(3, 12),
                          .when = KeystoreFault::When::before,
                          .code = Errc::unreachable,
                          .lasting = true});
  const auto store = site.store().connect("fake://", 4);
  const bool cut_short = !load_cluster(*store, copy, holder, {}).ok();
  site.store().clear_faults();
  site.store().advance(std::chrono::minutes(2));
  RC_PRE(cut_short && !site.view(manifest).head);
  const Dump& again = *rc::gen::arbitrary<bool>() ? copy : second;
  const Status loaded = load_cluster(*store, again, holder, {});
  if (!loaded.ok()) RC_FAIL(loaded.error().message);
  RC_ASSERT(site.copy_store(manifest) == again);
}

// A server may refuse, or something else may answer in its place, when a host boots.
RC_GTEST_PROP(Restore, AHostGoesOnWithoutAStoreThatRefuses, (const Manifest& manifest)) {
  Site site;
  must_stand(site, manifest);
  const HostName host = any_host(manifest);
  const HostObjects before = site.kernel(host).objects();
  const Errc code = *rc::gen::element(Errc::unreachable, Errc::privilege, Errc::corrupt, Errc::io);
  site.store().add_fault({.call = site.store().call_count(),
                          .when = KeystoreFault::When::before,
                          .code = code,
                          .lasting = true});
  const auto applied = site.follow(manifest, host);
  must_apply(applied);
  RC_ASSERT(applied.value().planned.cluster.away);
  check_same(site.kernel(host).objects(), before);
}

// Three pairs a case.
RC_GTEST_PROP(Restore, ThereAndBackIsAsBefore, (const Manifest& a, const Manifest& b, const Manifest& c)) {
  static int cases = 0;
  if (test::is_enough(cases)) return;
  check_restores(gen::left_open(a), gen::left_open(b));
  check_restores(gen::left_open(b), gen::left_open(c));
  check_restores(gen::left_open(c), gen::left_open(a));
}

}  // namespace ovl
