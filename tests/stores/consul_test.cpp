// What is special to Consul as a keystore, on a real server.
#include <fmt/format.h>

#include "reconcile/cluster/execute_records.hpp"
#include "tests/stores/consul_server.hpp"
#include "tests/stores/real_stores.hpp"

namespace ovl::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::unique_ptr<Keystore> connect_to(const std::string& url) {
  return must(open_keystore({.url = url, .driver_directory = OVL_DRIVER_DIR}));
}

class Consul : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_consul()) GTEST_SKIP() << kNoConsul;
    store_ = connect_to(shared_consul().url());
  }

  static std::string tool(const std::string& words) {
    return output_of(fmt::format("CONSUL_HTTP_ADDR=http://{} {} kv {}", shared_consul().address(),
                                 consul_program(), words));
  }

  std::vector<Write> many(std::size_t count) {
    std::vector<Write> writes;
    for (std::size_t i = 0; i < count; ++i) writes.push_back(put(root_ + std::to_string(i), "x"));
    return writes;
  }

  std::string root_ = fresh_root();
  std::unique_ptr<Keystore> store_;
};

TEST_F(Consul, ItsOwnToolReadsTheRecords) {
  must(store_->commit({{}, {put(root_ + "a", "{\"one\":1}"), put(root_ + "b/c", "two")}}));
  EXPECT_EQ(tool("get -recurse " + root_), root_ + "a:{\"one\":1}\n" + root_ + "b/c:two\n");
}

// Consul takes such a key in a transaction and no path that names it.
TEST_F(Consul, AForeignKeyThatCannotBePrintedIsRemoved) {
  const std::string key = root_ + "a\x1b[1m";
  must(store_->commit({{}, {put(key, "1")}}));
  ASSERT_EQ(must(store_->read(root_)).items.size(), 1U);
  EXPECT_TRUE(must(store_->commit({{}, {erase(key)}})).committed);
  EXPECT_TRUE(must(store_->read(root_)).items.empty());
}

TEST_F(Consul, TheServerRefusesOneOperationMore) {
  std::string body = "[";
  for (int i = 0; i < 65; ++i) {
    body += fmt::format(R"({}{{"KV":{{"Verb":"set","Key":"{}{}","Value":""}}}})", i > 0 ? "," : "", root_, i);
  }
  write_file(shared_consul().directory().file("txn.json"), body + "]");
  const std::string answer =
      output_of(fmt::format("curl -s -X PUT --data @{} http://{}/v1/txn",
                            shared_consul().directory().file("txn.json"), shared_consul().address()));
  EXPECT_NE(answer.find("too many operations (65 > 64)"), std::string::npos) << answer;
  const auto refused = store_->commit({{}, many(store_->max_operations() + 1)});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::usage);
}

TEST_F(Consul, ALargeValueIsRefusedWithItsLimit) {
  const auto refused = store_->commit({{}, {put(root_ + "a", std::string((512U << 10) + 1, 'x'))}});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::usage);
  EXPECT_NE(refused.error().message.find("524288"), std::string::npos) << refused.error().message;
  const auto by_server = store_->commit({{}, {put(root_ + "a", std::string(500U << 10, 'x'))}});
  ASSERT_FALSE(by_server.ok());
  EXPECT_EQ(by_server.error().code, Errc::usage);
  EXPECT_NE(by_server.error().hint.find("txn_max_req_len"), std::string::npos) << by_server.error().hint;
}

// What is packed into one transaction stays under the size that the server takes.
TEST_F(Consul, LargeRecordsArePackedByTheirSize) {
  const StoreLayout layout(Label::parse("large").value());
  auto lock = must(StoreLock::acquire(*store_, layout, {.who = "root@here"}, {}));
  std::vector<Unit> units;
  for (int i = 0; i < 60; ++i) {
    const std::string key = layout.root() + "endpoints/" + std::to_string(i);
    units.push_back({{{Guard::Kind::absent, key}}, {put(key, std::string(20'000, 'x'))}});
  }
  must(commit_units(*store_, std::move(units), lock));
  EXPECT_EQ(must(store_->read(layout.root() + "endpoints/")).items.size(), 60U);
  must(lock.release());
}

TEST_F(Consul, KeysThatNeedEscapingAreKept) {
  const std::vector<std::string> names{" blank", "#", "%41", "&a=b", "+", "?q", "\"quoted\"", "\xc3\xa9"};
  for (const std::string& name : names) must(store_->commit({{}, {put(root_ + name, name)}}));
  const Snapshot all = must(store_->read(root_));
  ASSERT_EQ(all.items.size(), names.size());
  for (const KeyValue& item : all.items) {
    EXPECT_EQ(item.key, root_ + item.value);
    EXPECT_EQ(must(store_->get(item.key))->value, item.value);
    EXPECT_EQ(must(store_->read(item.key)).items.size(), 1U);
  }
}

TEST_F(Consul, KeysThatTheAgentWouldChangeAreRefused) {
  for (const char* name : {"a//b", "a/../b", "a/.", "\xff"}) {
    const auto refused = store_->commit({{}, {put(root_ + name, "")}});
    ASSERT_FALSE(refused.ok()) << name;
    EXPECT_EQ(refused.error().code, Errc::usage);
    EXPECT_FALSE(store_->get(root_ + name).ok()) << name;
  }
}

TEST_F(Consul, ThePrefixOfTheUrlIsInFrontOfAllKeys) {
  const auto team = connect_to(shared_consul().url() + "/team/" + root_);
  const Revision made = must(team->commit({{}, {put("a/b", "1")}})).revision;
  EXPECT_EQ(tool("get team/" + root_ + "a/b"), "1\n");
  EXPECT_EQ(must(team->get("a/b"))->modified, made);
  const Snapshot all = must(team->read(""));
  ASSERT_EQ(all.items.size(), 1U);
  EXPECT_EQ(all.items[0].key, "a/b");
  const auto watch = must(team->watch("a/", made));
  must(team->commit({{}, {erase("a/b")}}));
  const WatchBatch batch = must(watch->next(seconds{5}));
  ASSERT_EQ(batch.events.size(), 1U);
  EXPECT_EQ(batch.events[0].key, "a/b");
}

TEST_F(Consul, TheSameValueAgainIsAWrite) {
  const Revision first = must(store_->commit({{}, {put(root_ + "a", "1")}})).revision;
  const auto other = connect_to(shared_consul().url());
  for (Keystore* store : {store_.get(), other.get(), other.get()}) {
    const Revision next = must(store->commit({{}, {put(root_ + "a", "1"), put(root_ + "b", "1")}})).revision;
    EXPECT_GT(next, first);
    EXPECT_EQ(must(store->get(root_ + "a"))->modified, next);
    EXPECT_EQ(must(store->get(root_ + "b"))->modified, next);
  }
}

// ---- what nobody can know ---------------------------------------------------------------------

TEST_F(Consul, ADeletionByHandIsToldToAWatch) {
  const Revision start = must(store_->commit({{}, {put(root_ + "a", "1"), put(root_ + "b", "1")}})).revision;
  const auto watch = must(store_->watch(root_, start));
  tool("delete " + root_ + "a");
  const WatchBatch batch = must(watch->next(seconds{5}));
  ASSERT_EQ(batch.events.size(), 1U);
  EXPECT_EQ(batch.events[0].key, root_ + "a");
  EXPECT_EQ(batch.events[0].value, std::nullopt);
}

TEST_F(Consul, ADeletionBetweenReadAndWatchIsTold) {
  must(store_->commit({{}, {put(root_ + "a", "1"), put(root_ + "b", "1")}}));
  const Revision read = must(store_->read(root_)).revision;
  tool("delete " + root_ + "a");
  tool("put " + root_ + "b 2");
  const auto watch = must(store_->watch(root_, read));
  const WatchBatch batch = must(watch->next(seconds{5}));
  EXPECT_FALSE(batch.reset);
  ASSERT_EQ(batch.events.size(), 2U);
}

// Another client, which did not see the key that is gone: a deletion may hide behind each write of others.
TEST_F(Consul, ADeletionThatCannotBeKnownIsAReset) {
  const Revision start = must(store_->commit({{}, {put(root_ + "a", "1"), put(root_ + "b", "1")}})).revision;
  for (const std::string deleter : {"a hand", "a transaction", "the transaction of the write"}) {
    const Revision before = must(store_->commit({{}, {put(root_ + "a", "1")}})).revision;
    if (deleter == "a hand") tool("delete " + root_ + "a");
    if (deleter == "a transaction") must(store_->commit({{}, {erase(root_ + "a")}}));
    std::vector<Write> writes{put(root_ + "b", "2")};
    if (deleter == "the transaction of the write") writes.push_back(erase(root_ + "a"));
    must(store_->commit({{}, std::move(writes)}));
    const auto watch = must(connect_to(shared_consul().url())->watch(root_, before));
    EXPECT_TRUE(must(watch->next(seconds{5})).reset) << deleter;
  }
  const auto late = must(connect_to(shared_consul().url())->watch(root_, start));
  EXPECT_TRUE(must(late->next(seconds{5})).reset);
}

TEST_F(Consul, AWriteElsewhereIsNoFuture) {
  must(store_->commit({{}, {put(root_ + "w/a", "1")}}));
  const Revision elsewhere = must(store_->commit({{}, {put(root_ + "x", "1")}})).revision;
  const auto watch = must(connect_to(shared_consul().url())->watch(root_ + "w/", elsewhere));
  const WatchBatch batch = must(watch->next(milliseconds{20}));
  EXPECT_FALSE(batch.reset);
  EXPECT_TRUE(batch.events.empty());
}

// ---- held keys --------------------------------------------------------------------------------

TEST_F(Consul, AnotherSessionTakesAKeyOver) {
  const std::string key = root_ + "presence";
  const auto old = must(store_->open_session(seconds{60}));
  const Revision born = must(store_->commit({{}, {put(key, "1", old->id())}})).revision;
  const auto fresh = must(store_->open_session(seconds{60}));
  const Revision taken = must(store_->commit({{}, {put(key, "2", fresh->id())}})).revision;
  must(old->close());
  EXPECT_EQ(must(store_->get(key))->value, "2");
  EXPECT_EQ(must(store_->get(key))->created, born);
  EXPECT_EQ(must(store_->get(key))->modified, taken);
  must(fresh->close());
  EXPECT_FALSE(must(store_->get(key)).has_value());
}

TEST_F(Consul, AFreedKeyKeepsOneRevisionWithTheOthers) {
  const auto session = must(store_->open_session(seconds{60}));
  must(store_->commit({{}, {put(root_ + "held", "1", session->id()), put(root_ + "gone", "1")}}));
  const Revision freed =
      must(store_->commit({{{Guard::Kind::absent, root_ + "free"}},
                           {put(root_ + "held", "2"), put(root_ + "free", "2"), erase(root_ + "gone")}}))
          .revision;
  must(session->close());
  const Snapshot all = must(store_->read(root_));
  ASSERT_EQ(all.items.size(), 2U);
  for (const KeyValue& item : all.items) {
    EXPECT_EQ(item.value, "2");
    EXPECT_EQ(item.modified, freed);
  }
}

TEST_F(Consul, ATimeToLiveThatItDoesNotTakeIsAUsageError) {
  const auto session = store_->open_session(std::chrono::hours{48});
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.error().code, Errc::usage) << session.error().message;
}

// ---- addresses --------------------------------------------------------------------------------

TEST_F(Consul, ADatacenterThatIsNotThereIsNamed) {
  const auto other = connect_to(shared_consul().url() + "?dc=nowhere");
  const auto read = other->read("a/");
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, Errc::unreachable);
  EXPECT_NE(read.error().message.find("datacenter"), std::string::npos) << read.error().message;
  const auto commit = other->commit({{}, {put("a/b", "1")}});
  ASSERT_FALSE(commit.ok());
  EXPECT_EQ(commit.error().code, Errc::unreachable);
  EXPECT_TRUE(connect_to(shared_consul().url() + "?dc=dc1")->read("a/").ok());
}

TEST_F(Consul, AUnixSocketIsAnAddress) {
  const TemporaryDirectory directory;
  const ConsulServer server({.http = "unix://" + directory.file("consul.sock")});
  const auto store = connect_to("consul+unix://" + directory.file("consul.sock") + "?dc=dc1&prefix=team");
  const Revision made = must(store->commit({{}, {put("a", "1")}})).revision;
  EXPECT_EQ(must(store->get("a"))->modified, made);
  const auto missing = connect_to("consul+unix://" + directory.file("none.sock"))->read("");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code, Errc::unreachable);
}

TEST_F(Consul, AUserIsRefused) {
  const auto store = open_keystore({.url = shared_consul().url(),
                                    .user = "root",
                                    .password = "hunter2",
                                    .driver_directory = OVL_DRIVER_DIR});
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.error().code, Errc::usage);
  EXPECT_EQ((store.error().message + store.error().hint).find("hunter2"), std::string::npos);
}

}  // namespace

}  // namespace ovl::test
