// The promises of drivers/keystore/keystore.hpp, one test each, on every driver: reads, transactions.
#include "tests/keystore/contract_fixture.hpp"

namespace ovl::test {

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

// As an apply writes: each record with its guard, and the fence of the lock.
TEST_P(Contract, TakesAsManyGuardedWritesAsItSays) {
  const Revision lock = commit({}, {put(key("lock"), "me")}).revision;
  Transaction made{{{Guard::Kind::same_life, key("lock"), lock}}, {}};
  for (int i = 0; i < 500; ++i) {
    Transaction more = made;
    more.guards.push_back({Guard::Kind::absent, key("n/" + std::to_string(i))});
    more.writes.push_back(put(key("n/" + std::to_string(i)), "made"));
    if (store_->operations(more) > store_->max_operations()) break;
    made = std::move(more);
  }
  ASSERT_GT(made.writes.size(), 20U);
  const auto first = must(store_->commit(made));
  ASSERT_TRUE(first.committed);
  EXPECT_FALSE(must(store_->commit(made)).committed) << "the keys are there";
  Transaction changed = made;
  for (std::size_t i = 0; i < made.writes.size(); ++i) {
    changed.guards[i + 1] = {Guard::Kind::unmodified, made.writes[i].key, first.revision};
    changed.writes[i].value = "changed";
  }
  if (store_->operations(changed) <= store_->max_operations()) {
    EXPECT_TRUE(must(store_->commit(changed)).committed);
    EXPECT_FALSE(must(store_->commit(changed)).committed) << "the keys were changed";
    EXPECT_EQ(get("n/0").value, "changed");
  }
  EXPECT_EQ(must(store_->read(key("n/"))).items.size(), made.writes.size());
}

// A driver may remember what it saw of the lock, but never for longer than it is true.
TEST_P(Contract, AFenceHoldsOverManyCommits) {
  const auto other = under_test_->connect();
  const Revision born = must(other->commit({{}, {put(key("lock"), "1")}})).revision;
  const Guard fence{Guard::Kind::same_life, key("lock"), born};
  EXPECT_TRUE(commit({fence}, {put(key("a"), "1")}).committed);
  EXPECT_TRUE(commit({fence}, {put(key("a"), "2")}).committed);
  must(other->commit({{}, {put(key("lock"), "2")}}));
  EXPECT_TRUE(commit({fence}, {put(key("a"), "3")}).committed);
  must(other->commit({{}, {erase(key("lock"))}}));
  EXPECT_FALSE(commit({fence}, {put(key("a"), "4")}).committed);
  must(other->commit({{}, {put(key("lock"), "1")}}));
  EXPECT_FALSE(commit({fence}, {put(key("a"), "5")}).committed);
  EXPECT_EQ(get("a").value, "3");
}

// "Never" is no revision that a guard could wait for.
TEST_P(Contract, AGuardOfRevisionNeverDoesNotHold) {
  EXPECT_FALSE(commit({{Guard::Kind::unmodified, key("a"), 0}}, {put(key("a"), "1")}).committed);
  EXPECT_FALSE(must(store_->get(key("a"))).has_value());
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

INSTANTIATE_TEST_SUITE_P(Drivers, Contract, ::testing::ValuesIn(drivers()),
                         [](const auto& driver) { return driver.param.name; });

}  // namespace ovl::test
