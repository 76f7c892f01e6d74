// The promises of drivers/keystore/keystore.hpp, one test each, on every driver.
#include <algorithm>
#include <chrono>
#include <map>

#include "tests/keystore/store_under_test.hpp"

namespace ovl::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

class Contract : public ::testing::TestWithParam<DriverCase> {
 protected:
  void SetUp() override {
    under_test_ = GetParam().make();
    if (under_test_ == nullptr) GTEST_SKIP() << "no server; for consul run tools/fetch-consul build/servers";
    store_ = under_test_->connect();
  }

  [[nodiscard]] std::string key(const std::string& name) const { return under_test_->root() + name; }

  CommitResult commit(std::vector<Guard> guards, std::vector<Write> writes) {
    return must(store_->commit({std::move(guards), std::move(writes)}));
  }

  KeyValue get(const std::string& name) { return must(store_->get(key(name))).value_or(KeyValue{}); }

  std::vector<std::string> names(const std::string& prefix) {
    std::vector<std::string> out;
    for (const KeyValue& item : must(store_->read(key(prefix))).items) {
      out.push_back(item.key.substr(under_test_->root().size()));
    }
    return out;
  }

  // All events until one has this key; empty key: until nothing more comes.
  static std::vector<WatchEvent> collect(Watch& watch, const std::string& last,
                                         seconds timeout = seconds{10}) {
    std::vector<WatchEvent> out;
    const auto deadline = steady_clock::now() + timeout;
    while (steady_clock::now() < deadline) {
      const WatchBatch batch = must(watch.next(last.empty() ? milliseconds{50} : milliseconds{1000}));
      EXPECT_FALSE(batch.reset);
      out.insert(out.end(), batch.events.begin(), batch.events.end());
      if (last.empty() && batch.events.empty()) break;
      if (!out.empty() && out.back().key == last) break;
    }
    return out;
  }

  std::unique_ptr<StoreUnderTest> under_test_;
  std::unique_ptr<Keystore> store_;
};

using Names = std::vector<std::string>;

// ---- reads -----------------------------------------------------------------------------------

TEST_P(Contract, EmptyStoreHasNothing) {
  EXPECT_TRUE(must(store_->read(under_test_->root())).items.empty());
  EXPECT_FALSE(must(store_->get(key("a"))).has_value());
}

TEST_P(Contract, ReadIsSortedAndExact) {
  commit({}, {put(key("b/1"), "1"), put(key("a/2"), "2"), put(key("a/10"), "3"), put(key("ab"), "4"),
              put(key("a"), "5"), put(key("a0"), "6"), put(key("a/"), "7")});
  EXPECT_EQ(names("a/"), (Names{"a/", "a/10", "a/2"}));
  EXPECT_EQ(names("a"), (Names{"a", "a/", "a/10", "a/2", "a0", "ab"}));
  EXPECT_EQ(names(""), (Names{"a", "a/", "a/10", "a/2", "a0", "ab", "b/1"}));
  EXPECT_EQ(names("c"), Names{});
}

TEST_P(Contract, GetIsOfOneKeyOnly) {
  commit({}, {put(key("ab"), "1")});
  EXPECT_FALSE(must(store_->get(key("a"))).has_value());
  EXPECT_EQ(get("ab").value, "1");
}

TEST_P(Contract, SnapshotHasTheRevisionOfTheLastWrite) {
  const Revision first = commit({}, {put(key("a"), "1")}).revision;
  EXPECT_GE(must(store_->read(under_test_->root())).revision, first);
  const Revision second = commit({}, {put(key("b"), "1")}).revision;
  EXPECT_GT(second, first);
  EXPECT_GE(must(store_->read(under_test_->root())).revision, second);
}

// A writer keeps two keys equal in each transaction; a snapshot never shows them apart, nor anything
// newer than the revision that it names.
TEST_P(Contract, SnapshotIsOfOneMoment) {
  constexpr int kLast = 1000;
  under_test_->in_parallel(2, [this](int who) {
    const auto client = under_test_->connect();
    for (int i = 0; who == 0 && i <= kLast; ++i) {
      const std::string value = std::to_string(i);
      must(client->commit({{}, {put(key("x/first"), value), put(key("x/second"), value)}}));
    }
    for (bool over = who == 0; !over;) {
      const Snapshot snapshot = must(client->read(key("x/")));
      if (snapshot.items.empty()) continue;
      ASSERT_EQ(snapshot.items.size(), 2U);
      ASSERT_EQ(snapshot.items[0].value, snapshot.items[1].value);
      ASSERT_LE(snapshot.items[0].modified, snapshot.revision);
      over = snapshot.items[0].value == std::to_string(kLast);
    }
  });
}

TEST_P(Contract, EveryClientSeesAWriteAtOnce) {
  const auto other = under_test_->connect();
  for (int i = 0; i < 20; ++i) {
    commit({}, {put(key("a"), std::to_string(i))});
    EXPECT_EQ(must(other->get(key("a")))->value, std::to_string(i));
  }
}

TEST_P(Contract, ValuesKeepTheirBytes) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  const std::string nul("a\0b\0", 4);
  const std::string large(64 << 10, '\x80');
  commit({}, {put(key("all"), all), put(key("nul"), nul), put(key("utf8"), "Grüße, 世界"),
              put(key("large"), large), put(key("empty"), "")});
  EXPECT_EQ(get("all").value, all);
  EXPECT_EQ(get("nul").value, nul);
  EXPECT_EQ(get("utf8").value, "Grüße, 世界");
  EXPECT_EQ(get("large").value, large);
  ASSERT_TRUE(must(store_->get(key("empty"))).has_value());
  EXPECT_EQ(get("empty").value, "");
}

TEST_P(Contract, CreatedAndModified) {
  const Revision born = commit({}, {put(key("a"), "1")}).revision;
  EXPECT_EQ(get("a").created, born);
  EXPECT_EQ(get("a").modified, born);
  const Revision changed = commit({}, {put(key("a"), "2")}).revision;
  EXPECT_EQ(get("a").created, born);
  EXPECT_EQ(get("a").modified, changed);
  commit({}, {erase(key("a"))});
  const Revision reborn = commit({}, {put(key("a"), "1")}).revision;
  EXPECT_EQ(get("a").created, reborn);
  EXPECT_GT(reborn, changed);
}

// ---- transactions ----------------------------------------------------------------------------

TEST_P(Contract, RemovingWhatIsNotThereIsNoFailure) {
  EXPECT_TRUE(commit({}, {erase(key("a"))}).committed);
}

TEST_P(Contract, AbsentGuard) {
  EXPECT_TRUE(commit({{Guard::Kind::absent, key("a")}}, {put(key("a"), "mine")}).committed);
  EXPECT_FALSE(commit({{Guard::Kind::absent, key("a")}}, {put(key("a"), "yours")}).committed);
  EXPECT_EQ(get("a").value, "mine");
  commit({}, {erase(key("a"))});
  EXPECT_TRUE(commit({{Guard::Kind::absent, key("a")}}, {put(key("a"), "yours")}).committed);
}

TEST_P(Contract, UnmodifiedGuard) {
  const Revision seen = commit({}, {put(key("a"), "1")}).revision;
  EXPECT_TRUE(commit({{Guard::Kind::unmodified, key("a"), seen}}, {put(key("a"), "2")}).committed);
  EXPECT_FALSE(commit({{Guard::Kind::unmodified, key("a"), seen}}, {put(key("a"), "3")}).committed);
  EXPECT_EQ(get("a").value, "2");
  EXPECT_FALSE(commit({{Guard::Kind::unmodified, key("none"), seen}}, {put(key("none"), "1")}).committed);
}

TEST_P(Contract, SameLifeGuardAllowsChangesOfTheValue) {
  const Revision born = commit({}, {put(key("lock"), "1")}).revision;
  commit({}, {put(key("lock"), "2")});
  EXPECT_TRUE(commit({{Guard::Kind::same_life, key("lock"), born}}, {put(key("a"), "1")}).committed);
  EXPECT_FALSE(commit({{Guard::Kind::same_life, key("none"), born}}, {put(key("a"), "2")}).committed);
  EXPECT_EQ(get("a").value, "1");
}

// The key was removed and made again, with the same value, while a writer slept. "It exists" and "it
// has the value I know" hold; the fences must not.
TEST_P(Contract, FencesStopTheWriterOfAnEarlierLife) {
  const Revision seen = commit({}, {put(key("lock"), "me")}).revision;
  commit({}, {erase(key("lock"))});
  commit({}, {put(key("lock"), "me")});
  ASSERT_EQ(get("lock").value, "me");
  EXPECT_FALSE(commit({{Guard::Kind::unmodified, key("lock"), seen}}, {put(key("a"), "stale")}).committed);
  EXPECT_FALSE(commit({{Guard::Kind::same_life, key("lock"), seen}}, {put(key("a"), "stale")}).committed);
  EXPECT_FALSE(must(store_->get(key("a"))).has_value());
  const Revision now = get("lock").created;
  EXPECT_TRUE(commit({{Guard::Kind::same_life, key("lock"), now}}, {put(key("a"), "fresh")}).committed);
}

TEST_P(Contract, RemovedInTheSameTransactionAsMadeAgainIsRefused) {
  const auto twice = store_->commit({{}, {erase(key("a")), put(key("a"), "1")}});
  ASSERT_FALSE(twice.ok());
  EXPECT_EQ(twice.error().code, Errc::usage);
}

TEST_P(Contract, OneFailedGuardStopsAllWrites) {
  const Revision a = commit({}, {put(key("a"), "1"), put(key("b"), "1")}).revision;
  const auto result = commit({{Guard::Kind::unmodified, key("a"), a}, {Guard::Kind::absent, key("b")}},
                             {put(key("a"), "2"), put(key("c"), "2"), erase(key("b"))});
  EXPECT_FALSE(result.committed);
  EXPECT_EQ(get("a").value, "1");
  EXPECT_EQ(names(""), (Names{"a", "b"}));
}

TEST_P(Contract, WritesOfOneTransactionHaveOneRevision) {
  commit({}, {put(key("old"), "1")});
  const auto result = commit({}, {put(key("a"), "1"), put(key("b"), "1"), erase(key("old"))});
  EXPECT_EQ(get("a").modified, result.revision);
  EXPECT_EQ(get("b").modified, result.revision);
  EXPECT_EQ(names(""), (Names{"a", "b"}));
}

TEST_P(Contract, GuardsAloneAreATest) {
  const Revision seen = commit({}, {put(key("a"), "1")}).revision;
  EXPECT_TRUE(commit({{Guard::Kind::unmodified, key("a"), seen}}, {}).committed);
  EXPECT_EQ(get("a").modified, seen);
}

TEST_P(Contract, TakesAsManyOperationsAsItSays) {
  const std::size_t count = std::min<std::size_t>(store_->max_operations(), 2000);
  std::vector<Write> writes;
  for (std::size_t i = 0; i < count; ++i) writes.push_back(put(key("n/" + std::to_string(i)), "value"));
  EXPECT_TRUE(commit({}, std::move(writes)).committed);
  EXPECT_EQ(must(store_->read(key("n/"))).items.size(), count);
}

TEST_P(Contract, TwoWritersLoseNoUpdate) {
  constexpr int kEach = 500;
  commit({}, {put(key("counter"), "0")});
  under_test_->in_parallel(2, [this](int) {
    const auto client = under_test_->connect();
    for (int done = 0; done < kEach;) {
      const auto seen = must(client->get(key("counter")));
      ASSERT_TRUE(seen.has_value());
      const auto result =
          must(client->commit({{{Guard::Kind::unmodified, key("counter"), seen->modified}},
                               {put(key("counter"), std::to_string(std::stoi(seen->value) + 1))}}));
      if (result.committed) ++done;
    }
  });
  EXPECT_EQ(get("counter").value, std::to_string(2 * kEach));
}

TEST_P(Contract, OneOfManyGetsAClaim) {
  under_test_->in_parallel(4, [this](int who) {
    const auto client = under_test_->connect();
    for (int i = 0; i < 20; ++i) {
      const std::string claim = key("claim/" + std::to_string(i));
      const std::string holder = key("won/" + std::to_string(i) + "/" + std::to_string(who));
      must(client->commit(
          {{{Guard::Kind::absent, claim}}, {put(claim, std::to_string(who)), put(holder, "")}}));
    }
  });
  EXPECT_EQ(names("claim/").size(), 20U);
  EXPECT_EQ(names("won/").size(), 20U);
}

// ---- watches ---------------------------------------------------------------------------------

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

// ---- sessions --------------------------------------------------------------------------------

TEST_P(Contract, ClosingASessionRemovesItsKeys) {
  const auto session = must(store_->open_session(under_test_->shortest_ttl() * 10));
  const Revision start =
      commit({}, {put(key("s/mine"), "1", session->id()), put(key("s/free"), "1")}).revision;
  EXPECT_EQ(names("s/"), (Names{"s/free", "s/mine"}));
  must(session->keep_alive());
  must(session->close());
  EXPECT_EQ(names("s/"), Names{"s/free"});
  const auto watch = must(store_->watch(key("s/"), start));
  const auto events = collect(*watch, key("s/mine"));
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].value, std::nullopt);
}

TEST_P(Contract, ASessionEndsWithItsOwner) {
  {
    const auto session = must(store_->open_session(under_test_->shortest_ttl() * 10));
    commit({}, {put(key("s/mine"), "1", session->id())});
  }
  EXPECT_EQ(names("s/"), Names{});
}

TEST_P(Contract, AWriteWithoutTheSessionFreesTheKey) {
  const auto session = must(store_->open_session(under_test_->shortest_ttl() * 10));
  commit({}, {put(key("s/mine"), "1", session->id())});
  commit({}, {put(key("s/mine"), "2")});
  must(session->close());
  EXPECT_EQ(names("s/"), Names{"s/mine"});
}

TEST_P(Contract, AnExpiredSessionIsOver) {
  const auto session = must(store_->open_session(under_test_->shortest_ttl()));
  const Revision start = commit({}, {put(key("s/mine"), "1", session->id())}).revision;
  const auto watch = must(store_->watch(key("s/"), start));
  under_test_->pass_time();
  const auto events = collect(*watch, key("s/mine"), under_test_->shortest_ttl() * 10);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].value, std::nullopt);
  EXPECT_EQ(names("s/"), Names{});
  const Status renewed = session->keep_alive();
  ASSERT_FALSE(renewed.ok());
  EXPECT_EQ(renewed.error().code, Errc::not_found);
  const auto late = store_->commit({{}, {put(key("s/mine"), "2", session->id())}});
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code, Errc::not_found);
  EXPECT_EQ(names("s/"), Names{});
}

// The fence of a lock whose holder slept past its time: its key is gone, and somebody else's is there.
TEST_P(Contract, AnExpiredLockStopsItsHolder) {
  const auto session = must(store_->open_session(under_test_->shortest_ttl()));
  const Revision mine = commit({}, {put(key("lock"), "me", session->id())}).revision;
  const auto watch = must(store_->watch(key("lock"), mine));
  under_test_->pass_time();
  ASSERT_EQ(collect(*watch, key("lock"), under_test_->shortest_ttl() * 10).size(), 1U);
  EXPECT_TRUE(commit({{Guard::Kind::absent, key("lock")}}, {put(key("lock"), "me")}).committed);
  EXPECT_FALSE(commit({{Guard::Kind::same_life, key("lock"), mine}}, {put(key("a"), "stale")}).committed);
}

TEST_P(Contract, KeepAliveKeepsASessionAlive) {
  const auto session = must(store_->open_session(under_test_->shortest_ttl() * 2));
  const Revision start = commit({}, {put(key("s/mine"), "1", session->id())}).revision;
  const auto watch = must(store_->watch(key("s/"), start));
  const milliseconds half = under_test_->shortest_ttl();
  for (int i = 0; i < 4; ++i) {
    under_test_->pass_time();
    EXPECT_TRUE(must(watch->next(half * 3 / 4)).events.empty());
    must(session->keep_alive());
  }
  EXPECT_EQ(names("s/"), Names{"s/mine"});
}

TEST_P(Contract, ASessionNobodyOpenedIsNotFound) {
  const auto result = store_->commit({{}, {put(key("s/mine"), "1", "00000000000000000000000000000000")}});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, Errc::not_found);
  EXPECT_EQ(names("s/"), Names{});
}

INSTANTIATE_TEST_SUITE_P(Drivers, Contract, ::testing::ValuesIn(drivers()),
                         [](const auto& driver) { return driver.param.name; });

}  // namespace

}  // namespace ovl::test
