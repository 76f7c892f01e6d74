// The promises of drivers/keystore/keystore.hpp, one test each, on every driver: watches.
#include <map>

#include "tests/keystore/contract_fixture.hpp"

namespace ovl::test {

TEST_P(Contract, WatchTellsEachChangeInOrder) {
  if (under_test_->folds_changes()) GTEST_SKIP() << "this store keeps no history";
  const Revision start = commit({}, {put(key("w/a"), "0")}).revision;
  const auto watch = must(store_->watch(key("w/"), start));
  const Revision one = commit({}, {put(key("w/a"), "1"), put(key("other"), "x")}).revision;
  const Revision two = commit({}, {put(key("w/a"), "2"), put(key("w/b"), std::string("\0b", 2))}).revision;
  const Revision three = commit({}, {erase(key("w/a"))}).revision;
  const auto events = collect(*watch, "");
  ASSERT_EQ(events.size(), 4U);
  EXPECT_EQ(events[0].value, "1");
  EXPECT_EQ(events[0].revision, one);
  EXPECT_EQ(events[1].key, key("w/a"));
  EXPECT_EQ(events[1].value, "2");
  EXPECT_EQ(events[1].revision, two);
  EXPECT_EQ(events[2].value, std::string("\0b", 2));
  EXPECT_EQ(events[2].revision, two);
  EXPECT_EQ(events[3].key, key("w/a"));
  EXPECT_EQ(events[3].value, std::nullopt);
  EXPECT_EQ(events[3].revision, three);
}

TEST_P(Contract, WatchTellsTheLastChangeOfEachKey) {
  const Revision start = commit({}, {put(key("w/a"), "0"), put(key("w/c"), "0")}).revision;
  const auto watch = must(store_->watch(key("w/"), start));
  commit({}, {put(key("w/a"), "1"), put(key("other"), "x")});
  const Revision two = commit({}, {put(key("w/a"), "2"), put(key("w/b"), std::string("\0b", 2))}).revision;
  const Revision three = commit({}, {erase(key("w/c"))}).revision;
  std::map<std::string, WatchEvent> last;
  Revision before = start;
  for (const WatchEvent& event : collect(*watch, "")) {
    EXPECT_GE(event.revision, before);
    before = event.revision;
    last[event.key] = event;
  }
  ASSERT_EQ(last.size(), 3U);
  EXPECT_EQ(last[key("w/a")].value, "2");
  EXPECT_EQ(last[key("w/a")].revision, two);
  EXPECT_EQ(last[key("w/b")].value, std::string("\0b", 2));
  EXPECT_EQ(last[key("w/c")].value, std::nullopt);
  EXPECT_GE(last[key("w/c")].revision, three);
}

TEST_P(Contract, WatchWithoutChangesIsEmptyAfterItsTime) {
  const Revision start = commit({}, {put(key("w/a"), "0")}).revision;
  const auto watch = must(store_->watch(key("w/"), start));
  const auto before = steady_clock::now();
  const WatchBatch batch = must(watch->next(milliseconds{100}));
  EXPECT_GE(steady_clock::now() - before, milliseconds{95});
  EXPECT_FALSE(batch.reset);
  EXPECT_TRUE(batch.events.empty());
}

TEST_P(Contract, WatchPrefixIsExact) {
  const Revision start = commit({}, {put(key("seed"), "0")}).revision;
  const auto watch = must(store_->watch(key("a/"), start));
  commit({}, {put(key("ab"), "1"), put(key("a"), "1"), put(key("a0"), "1"), put(key("a/1"), "1")});
  const auto events = collect(*watch, "");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].key, key("a/1"));
}

TEST_P(Contract, AFailedGuardIsNoEvent) {
  const Revision start = commit({}, {put(key("w/a"), "0")}).revision;
  commit({{Guard::Kind::absent, key("w/a")}}, {put(key("w/a"), "1")});
  commit({}, {erase(key("w/none"))});
  const auto watch = must(store_->watch(key("w/"), start));
  EXPECT_TRUE(must(watch->next(milliseconds{50})).events.empty());
}

TEST_P(Contract, WatchResumesWhereItWas) {
  const Revision start = commit({}, {put(key("w/0"), "")}).revision;
  commit({}, {put(key("w/1"), "")});
  Revision seen = 0;
  {
    const auto watch = must(store_->watch(key("w/"), start));
    const WatchBatch batch = must(watch->next(seconds{5}));
    ASSERT_EQ(batch.events.size(), 1U);
    seen = batch.revision;
  }
  commit({}, {put(key("w/2"), "")});
  const auto watch = must(store_->watch(key("w/"), seen));
  const auto events = collect(*watch, "");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].key, key("w/2"));
}

TEST_P(Contract, WatchOfWhatIsForgottenIsReset) {
  const Revision start = commit({}, {put(key("w/0"), "")}).revision;
  commit({}, {put(key("w/1"), "")});
  const Revision last = commit({}, {put(key("w/2"), "")}).revision;
  under_test_->compact(last);
  const auto late = must(store_->watch(key("w/"), start));
  EXPECT_TRUE(must(late->next(seconds{5})).reset);
  // As the contract says: read anew, watch from that snapshot.
  const Snapshot snapshot = must(store_->read(key("w/")));
  EXPECT_EQ(snapshot.items.size(), 3U);
  const auto watch = must(store_->watch(key("w/"), snapshot.revision));
  commit({}, {put(key("w/3"), "")});
  const auto events = collect(*watch, key("w/3"));
  ASSERT_EQ(events.size(), 1U);
}

TEST_P(Contract, AWatchThatIsUpToDateSurvivesForgetting) {
  const Revision start = commit({}, {put(key("w/0"), "")}).revision;
  const auto watch = must(store_->watch(key("w/"), start));
  under_test_->compact(start);
  commit({}, {put(key("w/1"), "")});
  EXPECT_EQ(collect(*watch, key("w/1")).size(), 1U);
}

// A store restored from an older copy: its revisions went back.
TEST_P(Contract, WatchFromTheFutureIsReset) {
  const Revision now = commit({}, {put(key("w/0"), "")}).revision;
  const auto watch = must(store_->watch(key("w/"), now + 1000));
  EXPECT_TRUE(must(watch->next(seconds{5})).reset);
}

TEST_P(Contract, WatchLosesAndRepeatsNothingUnderFire) {
  constexpr int kCount = 300;
  const Revision start = commit({}, {put(key("w/start"), "")}).revision;
  under_test_->in_parallel(2, [&](int who) {
    const auto client = under_test_->connect();
    if (who == 0) {
      for (int i = 0; i < kCount; ++i) must(client->commit({{}, {put(key("w/n"), std::to_string(i))}}));
      must(client->commit({{}, {put(key("w/last"), "")}}));
      return;
    }
    const auto watch = must(client->watch(key("w/"), start));
    const auto events = collect(*watch, key("w/last"), seconds{60});
    if (under_test_->folds_changes()) {
      std::string newest;
      for (const WatchEvent& event : events) {
        if (event.key == key("w/n")) newest = event.value.value_or("gone");
      }
      ASSERT_EQ(newest, std::to_string(kCount - 1));
      return;
    }
    ASSERT_EQ(events.size(), static_cast<std::size_t>(kCount) + 1);
    for (int i = 0; i < kCount; ++i) ASSERT_EQ(events[static_cast<std::size_t>(i)].value, std::to_string(i));
  });
}

TEST_P(Contract, WatchWakesForAnotherProcess) {
  if (!under_test_->has_processes()) GTEST_SKIP() << "this store lives in one process";
  Revision seen = commit({}, {put(key("w/0"), "")}).revision;
  std::vector<milliseconds> delays;
  for (int round = 0; round < 5; ++round) {
    const auto watch = must(store_->watch(key("w/"), seen));
    EXPECT_TRUE(must(watch->next(milliseconds{0})).events.empty());
    const Signal go;
    const pid_t child = fork_child([&] {
      go.wait();
      must(under_test_->connect()->commit({{}, {put(key("w/child"), std::to_string(round))}}));
    });
    const auto before = steady_clock::now();
    go.send();
    const WatchBatch batch = must(watch->next(seconds{20}));
    delays.push_back(std::chrono::duration_cast<milliseconds>(steady_clock::now() - before));
    EXPECT_EQ(batch.events.size(), 1U);
    EXPECT_TRUE(child_succeeded(child));
    seen = batch.revision;
  }
  std::ranges::sort(delays);
  EXPECT_LT(delays[2], milliseconds{500}) << "it looked at the clock, it was not woken";
}

}  // namespace ovl::test
