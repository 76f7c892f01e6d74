// What is special to the ZooKeeper driver: how keys and records look in ZooKeeper, and access.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "tests/keystore/store_under_test.hpp"
#include "tests/stores/zookeeper_server.hpp"

namespace ovl::test {

namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

KeystoreOptions options_of(const std::string& prefix) {
  return {.url = fmt::format("zk://{}/{}", shared_zookeeper().address(), prefix),
          .timeout = seconds{20},
          .driver_directory = OVL_DRIVER_DIR};
}

std::unique_ptr<Keystore> open(const std::string& prefix) {
  return must(open_keystore(options_of(prefix)));
}

Errc error_of(const KeystoreOptions& options) {
  const auto store = open_keystore(options);
  return store.ok() ? Errc::bug : store.error().code;
}

template <class T>
Errc error_of(const Result<T>& result) {
  return result.ok() ? Errc::bug : result.error().code;
}

// ---- records ---------------------------------------------------------------------------------

std::string output_of(const std::string& command) {
  std::FILE* pipe = ::popen(command.c_str(), "r");
  std::string out;
  std::array<char, 1024> some{};
  while (pipe != nullptr && std::fgets(some.data(), static_cast<int>(some.size()), pipe) != nullptr) {
    out += some.data();
  }
  if (pipe != nullptr) ::pclose(pipe);
  return out;
}

TEST(ZookeeperRecords, ZkCliReadsThem) {
  const auto store = open("records/cli");
  must(store->commit({{}, {put("ovl/demo/v1/networks/net0", R"({"vni":4097})")}}));
  const std::string out = output_of(fmt::format(
      "java -cp /usr/share/java/zookeeper.jar:/usr/share/java/slf4j-nop.jar "
      "org.apache.zookeeper.ZooKeeperMain -server {} get /records/cli/ovl/demo/v1/networks/net0 2>&1",
      shared_zookeeper().address()));
  EXPECT_NE(out.find(R"({"vni":4097})"), std::string::npos) << out;
}

// Why a lock's fence is no version: the node of the next holder begins at the first one's.
TEST(ZookeeperRecords, TheVersionOfALockIsNoFence) {
  const auto store = open("records/fence");
  const Revision mine = must(store->commit({{}, {put("lock", "me")}})).revision;
  must(store->commit({{}, {erase("lock")}}));
  must(store->commit({{}, {put("lock", "another")}}));
  ZookeeperWire wire(shared_zookeeper().port());
  EXPECT_EQ(wire.set("/records/fence/lock", "stale", 0), 0) << "the wrong guard lets a stale writer pass";
  EXPECT_FALSE(
      must(store->commit({{{Guard::Kind::same_life, "lock", mine}}, {put("w", "stale")}})).committed);
}

TEST(ZookeeperRecords, AForeignWriteIsSeenByTheNextRead) {
  const auto store = open("records/foreign");
  const Revision before = must(store->commit({{}, {put("a/b", "1")}})).revision;
  ZookeeperWire wire(shared_zookeeper().port());
  ASSERT_EQ(wire.set("/records/foreign/a/b", "2"), 0);
  ASSERT_EQ(wire.create("/records/foreign/a/c", "new"), 0);
  const Snapshot snapshot = must(store->read("a/"));
  ASSERT_EQ(snapshot.items.size(), 2U);
  EXPECT_EQ(snapshot.items[0].value, "2");
  EXPECT_GT(snapshot.items[0].modified, before);
  EXPECT_GE(snapshot.revision, snapshot.items[1].modified);
  // A guard on what was there before doesn't hold, and the store goes on.
  EXPECT_FALSE(must(store->commit({{{Guard::Kind::unmodified, "a/b", before}}, {put("x", "1")}})).committed);
  const auto watch = must(store->watch("a/", snapshot.revision));
  must(store->commit({{}, {erase("a/c")}}));
  const WatchBatch batch = must(watch->next(seconds{5}));
  EXPECT_FALSE(batch.reset);
  ASSERT_EQ(batch.events.size(), 1U);
  EXPECT_EQ(batch.events[0].value, std::nullopt);
}

TEST(ZookeeperRecords, KeysMayHaveAnyBytes) {
  const auto store = open("records/odd");
  std::vector<std::string> keys = {"/",
                                   "//",
                                   "/a",
                                   "%",
                                   "%ovl",
                                   "%self",
                                   "%empty",
                                   ".",
                                   "..",
                                   "a/./b",
                                   "a/../b",
                                   "a/",
                                   "a//",
                                   "a",
                                   "a/%self",
                                   "a b",
                                   "a\tb",
                                   "Grüße",
                                   "zookeeper",
                                   "zookeeper/config",
                                   "b/zookeeper",
                                   "\xff\xfe",
                                   "\xef\xbf\xbf",
                                   std::string("nul\0nul", 7),
                                   std::string("\0", 1)};
  std::vector<Write> writes;
  for (const std::string& key : keys) writes.push_back(put(key, "value of " + key));
  must(store->commit({{}, std::move(writes)}));
  std::ranges::sort(keys);
  const auto items = must(store->read("")).items;
  ASSERT_EQ(items.size(), keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ(items[i].key, keys[i]);
    EXPECT_EQ(items[i].value, "value of " + keys[i]);
    EXPECT_EQ(must(store->get(keys[i]))->value, items[i].value);
  }
}

TEST(ZookeeperRecords, WithoutAPrefixTheServersOwnNodesAreNoKeys) {
  const auto store = open("");
  must(store->commit({{}, {put("bare", "1")}}));
  EXPECT_TRUE(must(store->read("zookeeper")).items.empty());
  EXPECT_EQ(must(store->read("bare")).items.size(), 1U);
}

TEST(ZookeeperRecords, ATransactionThatIsTooLargeSaysItsSize) {
  const auto store = open("records/large");
  const auto result = store->commit({{}, {put("a", std::string(1'100'000, 'x'))}});
  ASSERT_EQ(error_of(result), Errc::usage);
  EXPECT_NE(result.error().message.find("1100"), std::string::npos) << result.error().message;
  must(store->commit({{}, {put("a", std::string(900'000, 'x'))}}));
  EXPECT_EQ(must(store->get("a"))->left_out, 900'000U);
}

TEST(ZookeeperRecords, AWatchOfALargeCommitIsReset) {
  const auto store = open("records/hole");
  const Revision start = must(store->commit({{}, {put("a", "")}})).revision;
  const auto watch = must(store->watch("a", start));
  must(store->commit({{}, {put("a", std::string(500'000, 'x'))}}));
  EXPECT_TRUE(must(watch->next(seconds{5})).reset);
}

TEST(ZookeeperRecords, NoKeyIsBelowOneThatIsBoundToASession) {
  const auto store = open("records/below");
  const auto session = must(store->open_session(seconds{10}));
  must(store->commit({{}, {put("lock", "me", session->id())}}));
  EXPECT_EQ(error_of(store->commit({{}, {put("lock/x", "1")}})), Errc::unsupported);
}

TEST(ZookeeperRecords, TheLogIsCut) {
  const auto store = open("records/log");
  const Revision start = must(store->commit({{}, {put("a", "")}})).revision;
  for (int i = 0; i < 1100; ++i) must(store->commit({{}, {put("a", std::to_string(i))}}));
  ZookeeperWire wire(shared_zookeeper().port());
  EXPECT_LT(wire.children("/records/log/%ovl/log").size(), 1070U);
  EXPECT_TRUE(must(must(store->watch("a", start))->next(seconds{5})).reset);
}

TEST(ZookeeperRecords, TwentyThousandAreReadAtOnce) {
  constexpr int kCount = 20'000;
  const auto store = open("records/many");
  for (int i = 0; i < kCount;) {
    std::vector<Write> writes;
    for (std::size_t n = 0; n < store->max_operations(); ++n, ++i) {
      writes.push_back(put(fmt::format("endpoints/net0/{:05}", i), std::string(300, 'x')));
    }
    must(store->commit({{}, std::move(writes)}));
  }
  const auto before = steady_clock::now();
  EXPECT_EQ(must(store->read("endpoints/")).items.size(), static_cast<std::size_t>(kCount));
  const auto took = duration_cast<milliseconds>(steady_clock::now() - before);
  RecordProperty("milliseconds", static_cast<int>(took.count()));
  std::printf("%d nodes read in %d ms\n", kCount, static_cast<int>(took.count()));
}

// ---- access ----------------------------------------------------------------------------------

TEST(ZookeeperAccess, OnlyTheSameCredentialsAreLetIn) {
  KeystoreOptions options = options_of("access/digest");
  options.user = "ovl";
  options.password = "right:with:colons";
  const auto mine = must(open_keystore(options));
  must(mine->commit({{}, {put("a", "1")}}));
  EXPECT_EQ(must(mine->get("a"))->value, "1");
  EXPECT_EQ(must(must(open_keystore(options))->read("")).items.size(), 1U);
  options.password = "wrong-secret";
  const auto wrong = must(open_keystore(options));
  const auto nobody = open("access/digest");
  for (Keystore* store : {wrong.get(), nobody.get()}) {
    EXPECT_EQ(error_of(store->read("")), Errc::privilege);
    EXPECT_EQ(error_of(store->get("a")), Errc::privilege);
    const auto written = store->commit({{}, {put("a", "2")}});
    ASSERT_EQ(error_of(written), Errc::privilege);
    EXPECT_EQ(written.error().message.find("secret"), std::string::npos);
    EXPECT_EQ(error_of(store->commit({{}, {put("b", "2")}})), Errc::privilege);
  }
  EXPECT_EQ(must(mine->get("a"))->value, "1");
}

TEST(ZookeeperAccess, CredentialsMustBeWhole) {
  KeystoreOptions options = options_of("access");
  options.user = "ovl";
  EXPECT_EQ(error_of(options), Errc::usage);
  options.user = "o:vl";
  options.password = "x";
  EXPECT_EQ(error_of(options), Errc::usage);
}

TEST(ZookeeperAccess, TlsIsRefused) {
  KeystoreOptions options = options_of("access");
  options.ca_file = "/etc/ssl/certs/ca-certificates.crt";
  EXPECT_EQ(error_of(options), Errc::unsupported);
}

}  // namespace

}  // namespace ovl::test
