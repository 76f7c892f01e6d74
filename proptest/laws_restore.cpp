// There and back again: A, B and A restore A, in the store and on every host.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "proptest/rig.hpp"
#include "proptest/site.hpp"

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

void check_restores(const Manifest& first, const Manifest& second) {
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

// ... and one that was begun anew meanwhile, by whoever remembers nothing.
RC_GTEST_PROP(Restore, TheOlderLineageWins, (const Manifest& manifest, const Manifest& other)) {
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

// Three pairs a case.
RC_GTEST_PROP(Restore, ThereAndBackIsAsBefore, (const Manifest& a, const Manifest& b, const Manifest& c)) {
  check_restores(gen::left_open(a), gen::left_open(b));
  check_restores(gen::left_open(b), gen::left_open(c));
  check_restores(gen::left_open(c), gen::left_open(a));
}

}  // namespace ovl
