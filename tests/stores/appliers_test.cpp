// Many appliers at once on a real store: every generation has one winner, none is lost, and what is
// there at the end is what the last winner wanted, whole.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "reconcile/cluster/transfer.hpp"
#include "tests/stores/applying.hpp"
#include "tests/stores/real_stores.hpp"
#include "tests/support/effort.hpp"

namespace ovl::test {

namespace {

const int kRounds = effort(200, 60);  // over all appliers

class Appliers : public ::testing::TestWithParam<DriverCase> {
 protected:
  void SetUp() override {
    under_test_ = GetParam().make();
    if (!under_test_) GTEST_SKIP() << "the store's server is not installed";
    // The server ends with the thread that started it, so that is this one.
    static_cast<void>(under_test_->connect());
  }

  // What each applier did, a line per apply: the generation and what it wanted.
  std::map<std::int64_t, std::string> race(const std::string& cluster, int appliers) {
    under_test_->in_parallel(appliers, [&](int who) {
      const auto store = under_test_->connect();
      std::ofstream history(file_of(appliers, who));
      for (int round = 0; round < kRounds / appliers; ++round) {
        const std::string mark = std::to_string(who) + "-" + std::to_string(round);
        const auto applied = apply_once(*store, {.cluster = cluster, .mark = mark});
        ASSERT_TRUE(applied.ok()) << applied.error().message;
        history << applied.value().serial << " " << mark << "\n";
      }
    });
    std::map<std::int64_t, std::string> winners;
    for (int who = 0; who < appliers; ++who) {
      std::ifstream history(file_of(appliers, who));
      std::int64_t serial = 0;
      std::string mark;
      while (history >> serial >> mark) {
        EXPECT_TRUE(winners.emplace(serial, mark).second) << "generation " << serial << " has two winners";
      }
    }
    return winners;
  }

  [[nodiscard]] std::string file_of(int appliers, int who) const {
    return directory_.file(std::to_string(appliers) + "-" + std::to_string(who));
  }

  TemporaryDirectory directory_;
  std::unique_ptr<StoreUnderTest> under_test_;
};

}  // namespace

TEST_P(Appliers, EveryGenerationHasOneWinner) {
  for (const int appliers : {2, 4, 8}) {
    const std::string cluster = cluster_name("race");
    const auto winners = race(cluster, appliers);
    const auto expected = static_cast<std::int64_t>(kRounds / appliers * appliers);
    ASSERT_EQ(static_cast<std::int64_t>(winners.size()), expected);
    EXPECT_EQ(winners.begin()->first, 1);
    EXPECT_EQ(winners.rbegin()->first, expected);
    const auto store = under_test_->connect();
    const StoreView view = must(read_store(*store, StoreLayout(must(Label::parse(cluster)))));
    EXPECT_TRUE(check_cluster_tree(view).empty());
    EXPECT_EQ(view.head->serial, expected);
    const std::string& last = winners.rbegin()->second;
    for (const NetworkRecord& network : view.records.networks) EXPECT_EQ(network.labels.at("mark"), last);
    EXPECT_EQ(view.records.endpoints.front().labels.at("mark"), last);
  }
}

// The session that it waits with lives less long than the one it waits for.
TEST_P(Appliers, WaitForALockLongerThanTheirOwnSessionLives) {
  const StoreLayout layout(must(Label::parse(cluster_name("wait"))));
  const auto store = under_test_->connect();
  const StoreLock::Holder holder{.who = "first", .host = "h", .boot = "b", .pid = 1, .since = 1};
  StoreLock first = must(StoreLock::acquire(*store, layout, holder, {}));
  std::thread second([&] {
    const auto other = under_test_->connect();
    const StoreLock::Holder waiter{.who = "second", .host = "h", .boot = "b", .pid = 2, .since = 1};
    auto got = StoreLock::acquire(*other, layout, waiter,
                                  {.ttl = under_test_->shortest_ttl(), .timeout = std::chrono::minutes{1}});
    ASSERT_TRUE(got.ok()) << got.error().message;
    EXPECT_TRUE(got.value().release().ok());
  });
  const auto watch = must(store->watch(layout.lock(), must(store->read(layout.lock())).revision));
  EXPECT_TRUE(must(watch->next(under_test_->shortest_ttl() * 5)).events.empty());
  must(first.release());
  second.join();
}

INSTANTIATE_TEST_SUITE_P(Drivers, Appliers, ::testing::ValuesIn(drivers()),
                         [](const auto& driver) { return driver.param.name; });

}  // namespace ovl::test
