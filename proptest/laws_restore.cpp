// There and back again: A, B and A restore A, in the store and on every host.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "proptest/site.hpp"

namespace ovl {

namespace {

// The records, and everything that the hosts hold.
struct Standing {
  Records records;
  std::vector<HostObjects> hosts;

  bool operator==(const Standing&) const = default;
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

void check_restores(const Manifest& first, const Manifest& second) {
  Site site;
  must_settle(site, first);
  const Standing was = standing_of(site, first);
  must_settle(site, second);
  must_settle(site, first);
  const Standing is = standing_of(site, first);
  RC_ASSERT(is.records == was.records);
  const bool same_hosts = is.hosts == was.hosts;
  RC_ASSERT(same_hosts);
}

}  // namespace

// Three pairs a case.
RC_GTEST_PROP(Restore, ThereAndBackIsAsBefore, (const Manifest& a, const Manifest& b, const Manifest& c)) {
  check_restores(gen::left_open(a), gen::left_open(b));
  check_restores(gen::left_open(b), gen::left_open(c));
  check_restores(gen::left_open(c), gen::left_open(a));
}

}  // namespace ovl
