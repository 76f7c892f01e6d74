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

}  // namespace

// Three pairs a case.
RC_GTEST_PROP(Restore, ThereAndBackIsAsBefore, (const Manifest& a, const Manifest& b, const Manifest& c)) {
  check_restores(gen::left_open(a), gen::left_open(b));
  check_restores(gen::left_open(b), gen::left_open(c));
  check_restores(gen::left_open(c), gen::left_open(a));
}

}  // namespace ovl
