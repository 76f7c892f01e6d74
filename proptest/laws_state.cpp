// A law of this host's memory: a write to it that fails, at any moment of an apply, leaves what the next one
// finishes.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "proptest/hits.hpp"
#include "proptest/site.hpp"
#include "reconcile/cluster/transfer.hpp"

namespace ovl {

namespace {

void must(const Status& status) {
  if (!status.ok()) RC_FAIL(status.error().message);
}

bool owns_nothing(FakeKernel& kernel) {
  return std::ranges::none_of(kernel.objects().namespaces, [](const NamespaceObjects& space) {
    return space.netns || !space.links.empty() || !space.hosts_files.empty() || !space.nft_tables.empty();
  });
}

}  // namespace

TEST(StateWrites, ThatFailLeaveWhatTheNextApplyFinishes) {
  Hits hits;
  Hits refusals;
  const bool holds = rc::check([&](const Manifest& before, const Manifest& after) {
    Site site;
    must(site.settle(before));
    const HostName& host = after.hosts.front().name;
    const auto nth = *rc::gen::inRange<std::size_t>(0, 40);
    const bool lasting = *rc::gen::arbitrary<bool>();
    RC_LOG() << "write " << nth << (lasting ? " and all later ones\n" : "\n");
    site.fail_disk(host, nth, lasting);
    const auto faulty = site.apply(after, host);
    hits.count(site.disk_writes(host) > nth);
    refusals.count(!faulty.ok());
    if (!faulty.ok()) RC_ASSERT(faulty.error().code == Errc::io);
    site.mend_disk(host);
    site.store().advance(std::chrono::minutes(2));
    must(site.settle(after));
    for (const HostBlock& block : after.hosts) {
      const auto plan = site.plan(after, block.name);
      RC_ASSERT(plan.ok());
      RC_ASSERT(plan.value().plan.empty());
    }
    RC_ASSERT(check_cluster_tree(site.view(after)).empty());
    // What the failed apply made without remembering it is found all the same.
    RC_ASSERT(site.destroy(after, host).ok());
    RC_ASSERT(owns_nothing(site.kernel(host)));
  });
  EXPECT_TRUE(holds);
  hits.expect_one_in(4);
  refusals.expect_one_in(5);
}

}  // namespace ovl
