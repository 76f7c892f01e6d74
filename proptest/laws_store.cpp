// Laws of the way through with a store that fails, is lost, or is shared by machines that disagree.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>

#include "proptest/hits.hpp"
#include "proptest/site.hpp"
#include "reconcile/cluster/guards.hpp"
#include "reconcile/cluster/standing.hpp"
#include "reconcile/cluster/transfer.hpp"
#include "reconcile/records/forget.hpp"

namespace ovl {

namespace {

const HostName& first_host(const Manifest& manifest) {
  return manifest.hosts.front().name;
}

void must_apply(const Status& status) {
  if (!status.ok()) RC_FAIL(status.error().message);
}

bool is_of_the_store(Errc code) {
  return code == Errc::unreachable || code == Errc::in_doubt;
}

KeystoreFault any_fault(std::size_t from) {
  KeystoreFault fault;
  fault.call = from + *rc::gen::inRange<std::size_t>(0, 60);
  fault.when = *rc::gen::element(KeystoreFault::When::before, KeystoreFault::When::after);
  fault.code = fault.when == KeystoreFault::When::after ? Errc::in_doubt : Errc::unreachable;
  fault.lasting = *rc::gen::arbitrary<bool>();
  return fault;
}

// A claim is as new as its record, or older than `since`.
void check_claims(const StoreView& view, const StoreLayout& layout, Revision since) {
  const auto check = [&](const std::string& key, const auto& record) {
    for (const auto& [claim, holder] : claims_of(record)) {
      const Revision taken = view.revisions.at(layout.claim(claim));
      RC_ASSERT(taken <= since || taken == view.revisions.at(key));
    }
  };
  for (const HostRecord& host : view.records.hosts) check(layout.host(host.name), host);
  for (const NetworkRecord& network : view.records.networks) check(layout.network(network.name), network);
  for (const EndpointRecord& endpoint : view.records.endpoints)
    check(layout.endpoint(endpoint.network, endpoint.name), endpoint);
}

// A claim that has another holder than before is one that the former holder does without.
void check_takings(const StoreView& was, const StoreView& now) {
  std::set<std::pair<std::string, std::string>> needed;
  const auto add = [&](const auto& records) {
    for (const auto& record : records) {
      for (auto& claim : claims_of(record)) needed.insert(claim);
    }
  };
  add(now.records.hosts);
  add(now.records.networks);
  add(now.records.endpoints);
  for (const auto& [claim, holder] : was.claims) {
    const auto at = now.claims.find(claim);
    const bool taken = at != now.claims.end() && at->second != holder;
    if (taken) RC_ASSERT(!needed.contains({claim, holder}));
  }
}

// One of two: hosts often get the same.
void give_address(Site& site, const HostName& host) {
  HostFacts facts;
  facts.machine = "machine-of-" + host.text();
  facts.vtep = IpAddress::parse(*rc::gen::element("192.0.2.1", "192.0.2.2")).value();
  site.kernel(host).set_facts(facts);
}

MovedBlock moved(const std::string& kind, const std::string& from) {
  return MovedBlock{.from = {kind + "." + from, {}}, .to = {kind + ".x" + from, {}}};
}

// The manifest with an x before every name, and what [[moved]] says of it.
Manifest with_other_names(Manifest manifest) {
  const auto other = [](const Label& name) { return Label::parse("x" + name.text()).value(); };
  const auto other_host = [](const HostName& name) { return HostName::parse("x" + name.text()).value(); };
  for (HostBlock& host : manifest.hosts) {
    manifest.moved.push_back(moved("host", host.name.text()));
    host.name = other_host(host.name);
  }
  for (NetworkBlock& network : manifest.networks) {
    manifest.moved.push_back(moved("network", network.name.text()));
    network.name = other(network.name);
  }
  for (EndpointBlock& endpoint : manifest.endpoints) {
    manifest.moved.push_back(moved("endpoint", endpoint.name.text()));
    endpoint.name = other(endpoint.name);
    endpoint.host.value = other_host(endpoint.host.value);
    for (AttachmentBlock& attachment : endpoint.attachments) {
      attachment.network.value = other(attachment.network.value);
    }
  }
  return manifest;
}

// Two renames of everything: one after the other, or both old names of the new one.
Manifest with_names_twice_others(const Manifest& manifest) {
  Manifest out = with_other_names(with_other_names(manifest));
  if (*rc::gen::arbitrary<bool>()) return out;
  for (MovedBlock& block : out.moved) {
    std::string& to = block.to.value;
    if (!to.substr(to.find('.')).starts_with(".xx")) to.insert(to.find('.') + 1, "x");
  }
  return out;
}

template <class Record>
std::map<std::string, std::string> by_id(const std::vector<Record>& records) {
  std::map<std::string, std::string> out;
  for (const Record& record : records) {
    Value value = encode(record);
    for (const char* name : {"name", "network", "host", "chosen"}) value.set(name, Value());
    out.emplace(record.id, value.json());
  }
  return out;
}

bool same_but_names(const Records& a, const Records& b) {
  return by_id(a.hosts) == by_id(b.hosts) && by_id(a.networks) == by_id(b.networks) &&
         by_id(a.endpoints) == by_id(b.endpoints);
}

// No host has anything left to do, and the store's keys belong together.
void check_all_made(Site& site, const Manifest& manifest) {
  for (const HostBlock& host : manifest.hosts) {
    const auto plan = site.plan(manifest, host.name);
    RC_ASSERT(plan.ok());
    RC_ASSERT(plan.value().plan.empty());
  }
  RC_ASSERT(check_cluster_tree(site.view(manifest)).empty());
}

}  // namespace

TEST(Store, AnyFaultAtAnyCallIsHealedByTheNextApply) {
  Hits hits;
  const bool holds = rc::check([&](const Manifest& before, const Manifest& after) {
    Site site;
    must_apply(site.apply_all(before));
    site.store().add_fault(any_fault(site.store().call_count()));
    const auto faulty = site.apply(after, first_host(after));
    hits.count(!faulty.ok());
    if (!faulty.ok()) RC_ASSERT(is_of_the_store(faulty.error().code));
    site.store().clear_faults();
    site.store().advance(std::chrono::minutes(2));  // a lock that could not be given back runs out
    must_apply(site.settle(after));
    check_all_made(site, after);
  });
  EXPECT_TRUE(holds);
  hits.expect_one_in(10);
}

// Between any two steps: the lock is given back, and the next apply goes on.
TEST(Store, AnApplyThatIsToldToEndIsGoneOnFrom) {
  Hits hits;
  const bool holds = rc::check([&](const Manifest& before, const Manifest& after) {
    Site site;
    must_apply(site.apply_all(before));
    const StoreLayout layout(after.cluster.value);
    std::size_t steps = 0;
    for (;; ++steps) {
      const auto ended = site.apply_until(steps, after, first_host(after));
      if (ended.ok()) break;
      RC_ASSERT(ended.error().code == Errc::interrupted);
      RC_ASSERT(ended.error().message.starts_with("interrupted "));
      RC_ASSERT(!site.store().connect()->get(layout.lock()).value().has_value());
    }
    hits.count(steps > 6);  // in the middle of writes
    must_apply(site.settle(after));
    check_all_made(site, after);
  });
  EXPECT_TRUE(holds);
  hits.expect_one_in(3);
}

// Whether or not the store took the write.
RC_GTEST_PROP(Store, ALostAnswerToAWriteIsSettled, (const Manifest& manifest)) {
  Site dry;
  const auto undisturbed = dry.apply(manifest, first_host(manifest));
  RC_ASSERT(undisturbed.ok());
  std::vector<std::size_t> commits;
  const auto calls = dry.store().calls();
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (calls[i].method == "commit") commits.push_back(i);
  }
  Site site;
  site.store().add_fault({.call = *rc::gen::elementOf(commits),
                          .when = *rc::gen::element(KeystoreFault::When::before, KeystoreFault::When::after),
                          .code = Errc::in_doubt});
  const auto settled = site.apply(manifest, first_host(manifest));
  if (!settled.ok()) RC_FAIL(settled.error().message);
  RC_ASSERT(settled.value().planned.draft.desired == undisturbed.value().planned.draft.desired);
}

RC_GTEST_PROP(Store, ThatIsUnreachableCostsTheKernelNothing,
              (const Manifest& before, const Manifest& after)) {
  Site site;
  must_apply(site.apply_all(before));
  const HostName host = first_host(after);
  const HostObjects was = site.kernel(host).objects();
  site.store().add_fault({.call = site.store().call_count(), .lasting = true});
  const auto refused = site.apply(after, host);
  RC_ASSERT(!refused.ok());
  RC_ASSERT(refused.error().code == Errc::unreachable);
  const bool same = site.kernel(host).objects() == was;
  RC_ASSERT(same);
}

RC_GTEST_PROP(Store, ThatWasLostIsRebuiltWithTheSameIdsAndAddresses, (const Manifest& manifest)) {
  Site site;
  must_apply(site.apply_all(manifest));
  must_apply(site.apply_all(manifest));
  const StoreView was = site.view(manifest);
  const std::uint64_t writes = site.kernel(first_host(manifest)).writes();
  site.lose_store();
  must_apply(site.apply_all(manifest));
  must_apply(site.apply_all(manifest));
  const StoreView now = site.view(manifest);
  const bool same = now.records == was.records;
  RC_ASSERT(same);
  RC_ASSERT(now.head->lineage == was.head->lineage);
  RC_ASSERT(now.head->serial > was.head->serial);
  RC_ASSERT(site.kernel(first_host(manifest)).writes() == writes);
}

RC_GTEST_PROP(Store, EveryHostStandsAtTheGenerationItHasApplied, (const Manifest& manifest)) {
  Site site;
  must_apply(site.apply_all(manifest));
  must_apply(site.apply_all(manifest));
  const StoreView view = site.view(manifest);
  RC_ASSERT(not_current(view, view.records).empty());
}

RC_GTEST_PROP(Store, TellsTheOthersWhatFailedOnAHost, (const Manifest& manifest)) {
  Site site;
  const HostName host = first_host(manifest);
  site.kernel(host).fail(KernelFault{.nth = site.kernel(host).writes(), .kind = KernelFault::Kind::before});
  const auto applied = site.apply(manifest, host);
  const bool has_work = !applied.ok() || !applied.value().left.empty();
  RC_PRE(has_work);
  const Standing standing = standing_of(site.view(manifest), host);
  if (applied.ok()) {
    RC_ASSERT(standing.kind == Standing::Kind::frozen);
    RC_ASSERT(standing.text.find(applied.value().left.front().message) != std::string::npos);
  } else {
    RC_ASSERT(standing.kind == Standing::Kind::failed);
    RC_ASSERT(standing.text.find(applied.error().message) != std::string::npos);
  }
  must_apply(site.apply_all(manifest));
  must_apply(site.apply_all(manifest));
  RC_ASSERT(standing_of(site.view(manifest), host).kind == Standing::Kind::current);
}

RC_GTEST_PROP(Store, AClaimMovesInOneTransactionWithItsRecord,
              (const Manifest& before, const Manifest& after)) {
  Site site;
  Revision since = 0;
  for (const Manifest* manifest : {&before, &after}) {
    for (const HostBlock& block : manifest->hosts) {
      const auto applied = site.apply(*manifest, block.name);
      if (!applied.ok()) RC_FAIL(applied.error().message);
      const StoreView view = site.view(*manifest);
      check_claims(view, StoreLayout(manifest->cluster.value), since);
      since = view.revision;
    }
  }
}

// What a host's interface says changes at any time, also to what another host has.
RC_GTEST_PROP(Store, NoClaimIsTakenFromWhoHoldsIt, (Manifest manifest, const Manifest& other)) {
  for (HostBlock& host : manifest.hosts) {
    host.advertise.value = IfName::from_kernel("eth1");
    host.bind.reset();
  }
  Manifest second = manifest;
  second.networks = other.networks;
  second.endpoints.clear();
  Site site;
  for (const HostBlock& host : manifest.hosts) give_address(site, host.name);
  StoreView was = site.view(manifest);
  for (int step = 0; step < 8; ++step) {
    const HostName host = (*rc::gen::elementOf(manifest.hosts)).name;
    give_address(site, host);
    const auto applied = site.apply(*rc::gen::element(manifest, second), host);
    RC_CLASSIFY(!applied.ok(), "refused");
    if (!applied.ok()) RC_ASSERT(applied.error().code == Errc::guard);
    const StoreView view = site.view(manifest);
    RC_ASSERT(view.refused.empty());
    check_takings(was, view);
    was = view;
  }
}

// Every name another: ids, addresses, MACs, VNIs, ports, interfaces and namespaces stay.
RC_GTEST_PROP(Moved, ThingsKeepWhatTheyHave, (const Manifest& manifest)) {
  Site site;
  must_apply(site.settle(manifest));
  const Records was = site.view(manifest).records;
  const Manifest renamed = with_other_names(manifest);
  must_apply(site.settle(renamed));
  const StoreView view = site.view(renamed);
  RC_ASSERT(view.refused.empty());
  RC_ASSERT(check_cluster_tree(view).empty());
  const bool same = same_but_names(was, view.records);
  RC_ASSERT(same);
}

// One manifest serves clusters that are at different names.
RC_GTEST_PROP(Moved, AChainBeginsAtAnyOfItsNames, (const Manifest& manifest)) {
  Site site;
  must_apply(site.settle(manifest));
  const Records was = site.view(manifest).records;
  if (*rc::gen::arbitrary<bool>()) must_apply(site.settle(with_other_names(manifest)));
  const Manifest renamed = with_names_twice_others(manifest);
  must_apply(site.settle(renamed));
  const StoreView view = site.view(renamed);
  const bool same = same_but_names(was, view.records);
  RC_ASSERT(same);
  RC_ASSERT(check_cluster_tree(view).empty());
}

// A rename is many transactions; whichever is the last one, the next apply ends it.
TEST(Moved, AFaultAtAnyCallIsHealedByTheNextApply) {
  Hits hits;
  const bool holds = rc::check([&](const Manifest& manifest) {
    Site site;
    must_apply(site.settle(manifest));
    const Records was = site.view(manifest).records;
    const Manifest renamed = with_other_names(manifest);
    site.store().add_fault(any_fault(site.store().call_count()));
    const auto faulty = site.apply(renamed, first_host(renamed));
    hits.count(!faulty.ok());
    site.store().clear_faults();
    site.store().advance(std::chrono::minutes(2));
    const Manifest next = *rc::gen::arbitrary<bool>() ? renamed : with_names_twice_others(manifest);
    must_apply(site.settle(next));
    const bool same = same_but_names(was, site.view(next).records);
    RC_ASSERT(same);
  });
  EXPECT_TRUE(holds);
  hits.expect_one_in(10);
}

RC_GTEST_PROP(Transfer, KeepsEverythingThroughJsonAndToml, (const Manifest& manifest)) {
  Site site;
  must_apply(site.apply_all(manifest));
  const auto keystore = site.store().connect();
  const auto dump = dump_cluster(*keystore, manifest.cluster.value);
  if (!dump.ok()) RC_FAIL(dump.error().message);
  const auto json = Value::parse_json(to_value(dump.value()).pretty_json());
  RC_ASSERT(json.ok());
  RC_ASSERT(dump_of(json.value()).value() == dump.value());
  const auto toml = value_of_toml(to_toml(to_value(dump.value())));
  if (!toml.ok()) RC_FAIL(toml.error().message);
  RC_ASSERT(dump_of(toml.value()).value() == dump.value());
}

RC_GTEST_PROP(Transfer, FillsAnEmptyStoreAndNoOther, (const Manifest& manifest)) {
  Site site;
  must_apply(site.apply_all(manifest));
  const auto from = site.store().connect();
  const auto dump = dump_cluster(*from, manifest.cluster.value);
  RC_ASSERT(dump.ok());
  FakeStore other;
  const auto to = other.connect("fake://", 12);
  const StoreLock::Holder holder{.who = "tester", .host = "h", .boot = "b", .pid = 1, .since = 1};
  must_apply(load_cluster(*to, dump.value(), holder, {}));
  RC_ASSERT(dump_cluster(*to, manifest.cluster.value).value() == dump.value());
  const Status again = load_cluster(*to, dump.value(), holder, {});
  RC_ASSERT(!again.ok());
  RC_ASSERT(again.error().code == Errc::conflict);
}

RC_GTEST_PROP(Check, FindsWhatIsMissingAndWhatIsLeftOver, (const Manifest& manifest)) {
  Site site;
  must_apply(site.apply_all(manifest));
  StoreView view = site.view(manifest);
  RC_ASSERT(check_cluster_tree(view).empty());
  view.claims["vni/4789/77777"] = "network/nobody";
  RC_ASSERT(check_cluster_tree(view).size() == 1U);
  const std::string claim = claims_of(view.records).begin()->first;
  view.claims.erase(claim);
  const auto findings = check_cluster_tree(view);
  RC_ASSERT(findings.size() == 2U);
  RC_ASSERT(findings.front().subject == "claims/" + claim);
}

RC_GTEST_PROP(HostName, IsOfOneMachineInACluster, (const Manifest& manifest)) {
  Site site;
  must_apply(site.apply_all(manifest));
  const HostName host = first_host(manifest);
  const StoreView view = site.view(manifest);
  HostFacts own = *view.facts.host(host);
  own.machine = "another";
  RC_ASSERT(check_host_name(view, own).ok());  // the same machine, set up anew
  own.vtep = IpAddress::parse("198.51.100.77").value();
  const Status refused = check_host_name(view, own);
  RC_ASSERT(!refused.ok());
  RC_ASSERT(refused.error().code == Errc::guard);
}

// A DHCP server exchanges the addresses of two hosts, or gives one that is gone to another.
RC_GTEST_PROP(Store, AddressesThatGoToOtherHostsAreFollowed, (Manifest manifest)) {
  RC_PRE(manifest.hosts.size() > 1U);
  for (HostBlock& host : manifest.hosts) {
    host.advertise.value = IfName::from_kernel("eth1");
    host.bind.reset();
  }
  Site site;
  const auto give = [&](const HostName& host, std::size_t number) {
    HostFacts facts;
    facts.machine = "machine-of-" + host.text();
    facts.vtep = IpAddress::parse("192.0.2." + std::to_string(number + 1)).value();
    site.kernel(host).set_facts(facts);
    return *facts.vtep;
  };
  for (std::size_t i = 0; i < manifest.hosts.size(); ++i) give(manifest.hosts[i].name, i);
  must_apply(site.settle(manifest));
  const HostName first = manifest.hosts[0].name;
  const HostName second = manifest.hosts[1].name;
  const IpAddress taken = give(first, 1);
  const bool is_gone = *rc::gen::arbitrary<bool>();
  if (is_gone) {
    RC_ASSERT(site.apply(manifest, first).error().code == Errc::guard);
    must_apply(forget_host(*site.store().connect(), StoreLayout(manifest.cluster.value), second));
    const auto applied = site.apply(manifest, first);
    if (!applied.ok()) RC_FAIL(applied.error().message);
  } else {
    give(second, 0);
    for (const HostName& host : {first, second, first}) static_cast<void>(site.apply(manifest, host).ok());
    must_apply(site.settle(manifest));
    RC_ASSERT(check_cluster_tree(site.view(manifest)).empty());
  }
  RC_ASSERT(site.view(manifest).records.host(first)->advertise == taken);
}

}  // namespace ovl
