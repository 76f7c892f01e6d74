// The faults of the keystore in memory: the n-th call, before or after its effect, once or for good.
#include "drivers/fake/fake_keystore.hpp"

#include "tests/keystore/store_under_test.hpp"

namespace ovl::test {

namespace {

using When = KeystoreFault::When;

TEST(FakeKeystore, AFaultBeforeTheEffectChangesNothing) {
  FakeStore store;
  const auto client = store.connect();
  store.add_fault({.call = 1, .when = When::before, .code = Errc::unreachable});
  must(client->commit({{}, {put("a", "1")}}));
  const auto failed = client->commit({{}, {put("a", "2")}});
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, Errc::unreachable);
  EXPECT_EQ(must(client->get("a"))->value, "1");
}

TEST(FakeKeystore, AFaultAfterTheEffectLosesTheAnswerOnly) {
  FakeStore store;
  const auto client = store.connect();
  store.add_fault({.call = 0, .when = When::after, .code = Errc::in_doubt});
  const auto failed = client->commit({{}, {put("a", "1")}});
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, Errc::in_doubt);
  EXPECT_EQ(must(client->get("a"))->value, "1");
}

TEST(FakeKeystore, ALastingFaultEndsWithClear) {
  FakeStore store;
  const auto client = store.connect();
  store.add_fault({.call = 1, .when = When::before, .code = Errc::unreachable, .lasting = true});
  EXPECT_TRUE(client->read("").ok());
  EXPECT_FALSE(client->read("").ok());
  EXPECT_FALSE(client->get("a").ok());
  EXPECT_FALSE(client->watch("", 0).ok());
  EXPECT_FALSE(client->open_session(std::chrono::seconds{5}).ok());
  store.clear_faults();
  EXPECT_TRUE(client->read("").ok());
}

// The loop that finds ownership bugs: every call of a run fails once, until a run meets no fault.
TEST(FakeKeystore, EveryCallCanBeMadeToFail) {
  const auto run = [](FakeStore& store) -> Status {
    const auto client = store.connect();
    OVL_TRY(const Snapshot snapshot, client->read(""));
    OVL_TRY(const auto session, client->open_session(std::chrono::seconds{5}));
    const auto done = client->commit({{}, {put("a", "1", session->id())}});
    if (!done.ok()) return done.error();
    OVL_TRY(const auto watch, client->watch("", snapshot.revision));
    const auto batch = watch->next(std::chrono::milliseconds{0});
    if (!batch.ok()) return batch.error();
    OVL_CHECK(session->keep_alive());
    return session->close();
  };
  std::size_t faults = 0;
  for (bool failed = true; failed; ++faults) {
    FakeStore store;
    store.add_fault({.call = faults, .when = When::before, .code = Errc::unreachable});
    failed = !run(store).ok();
  }
  EXPECT_EQ(faults, 8U) << "seven calls, and the run without a fault";
}

TEST(FakeKeystore, LogsItsCalls) {
  FakeStore store;
  const auto client = store.connect("etcd://fake");
  EXPECT_EQ(client->name(), "etcd://fake");
  must(client->commit({{}, {put("b", "1"), erase("a")}}));
  EXPECT_FALSE(client->commit({{}, {put("", "1")}}).ok());
  must(client->read("b"));
  const auto calls = store.calls();
  ASSERT_EQ(calls.size(), 3U);
  EXPECT_EQ(store.call_count(), 3U);
  EXPECT_EQ(calls[0].method, "commit");
  EXPECT_EQ(calls[0].subject, "b a");
  EXPECT_EQ(calls[0].failed, std::nullopt);
  EXPECT_EQ(calls[1].failed, Errc::usage);
  EXPECT_EQ(calls[2].method, "read");
}

TEST(FakeKeystore, TakesNoMoreOperationsThanItSays) {
  FakeStore store;
  const auto client = store.connect("fake://", 2);
  EXPECT_TRUE(client->commit({{}, {put("a", "1"), put("b", "1")}}).ok());
  const auto refused = client->commit({{{Guard::Kind::absent, "c"}}, {put("c", "1"), put("d", "1")}});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::usage);
  EXPECT_FALSE(must(client->get("c")).has_value());
}

}  // namespace

}  // namespace ovl::test
