// The promises of drivers/keystore/keystore.hpp, one test each, on every driver: sessions.
#include "tests/keystore/contract_fixture.hpp"

namespace ovl::test {

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

}  // namespace ovl::test
