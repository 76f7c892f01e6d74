// What the embedded keystore promises beyond the contract: its file.
#include <sys/stat.h>

#include <array>
#include <csignal>
#include <random>

#include "drivers/keystore/sqlite/tables.hpp"
#include "tests/keystore/store_under_test.hpp"

namespace ovl::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class SqliteKeystoreFile : public ::testing::Test {
 protected:
  std::unique_ptr<SqliteKeystore> open() { return must(SqliteKeystore::open(options_)); }

  Error refused() {
    auto store = SqliteKeystore::open(options_);
    if (!store.ok()) return std::move(store).error();
    ADD_FAILURE() << "it was opened";
    return {};
  }

  // The file as another program sees it.
  Result<sqlite::Database> sqlite_file() {
    OVL_TRY(SqliteTables tables, SqliteTables::open(options_, sqlite::Access::read_write));
    return std::move(tables.database());
  }

  TemporaryDirectory directory_;
  SqliteKeystoreOptions options_{.path = directory_.file("sub/keystore.db"), .timeout = milliseconds{300}};
};

TEST_F(SqliteKeystoreFile, LookingMakesNothing) {
  const auto store = open();
  EXPECT_TRUE(must(store->read("")).items.empty());
  EXPECT_EQ(must(store->read("")).revision, 0U);
  EXPECT_FALSE(must(store->get("a")).has_value());
  EXPECT_FALSE(exists(directory_.file("sub")));
}

TEST_F(SqliteKeystoreFile, TheFirstWriteMakesItPrivate) {
  ::umask(0);
  const auto store = open();
  const auto reader = open();
  must(store->commit({{}, {put("a", "1")}}));
  EXPECT_EQ(mode_of(directory_.file("sub")), 0700U);
  EXPECT_EQ(mode_of(options_.path), 0600U);
  EXPECT_EQ(must(reader->get("a"))->value, "1") << "who looked before sees it now";
}

TEST_F(SqliteKeystoreFile, GarbageIsNamedWithARemedy) {
  must(open()->commit({{}, {put("a", "1")}}));
  write_file(options_.path, "not a database, but long enough to be one " + std::string(2000, 'x'));
  const Error error = refused();
  EXPECT_EQ(error.code, Errc::corrupt);
  EXPECT_NE(error.message.find(options_.path), std::string::npos);
  EXPECT_NE(error.hint.find("move it away"), std::string::npos);
}

TEST_F(SqliteKeystoreFile, ADirectoryIsUnreachable) {
  ASSERT_EQ(::mkdir(directory_.file("sub").c_str(), 0700), 0);
  ASSERT_EQ(::mkdir(options_.path.c_str(), 0700), 0);
  const Error error = refused();
  EXPECT_EQ(error.code, Errc::unreachable);
  EXPECT_NE(error.message.find("is a directory"), std::string::npos) << error.message;
}

TEST_F(SqliteKeystoreFile, AFileThatMayOnlyBeReadRefusesWrites) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  must(open()->commit({{}, {put("a", "1")}}));
  for (const std::string& path : {directory_.path(), directory_.file("sub"), options_.path}) {
    ASSERT_EQ(::chown(path.c_str(), 65534, 65534), 0);
  }
  ASSERT_EQ(::chmod(options_.path.c_str(), 0400), 0);
  ASSERT_EQ(::seteuid(65534), 0);
  {
    const auto store = open();
    EXPECT_EQ(must(store->get("a"))->value, "1");
    const auto result = store->commit({{}, {put("a", "2")}});
    EXPECT_EQ(result.ok() ? Errc::bug : result.error().code, Errc::privilege);
    EXPECT_EQ(must(store->get("a"))->value, "1");
    const auto watch = must(store->watch("", 0));
    EXPECT_EQ(must(watch->next(milliseconds{0})).events.size(), 1U);
  }
  ASSERT_EQ(::seteuid(0), 0);
}

TEST_F(SqliteKeystoreFile, ALockBeyondTheTimeoutIsUnreachable) {
  const auto store = open();
  must(store->commit({{}, {put("a", "1")}}));
  const Signal locked;
  const Signal done;
  const pid_t child = fork_child([&] {
    auto database = must(sqlite_file());
    auto lock = must(sqlite::Transaction::begin(database, sqlite::Transaction::Kind::write));
    locked.send();
    done.wait();
  });
  locked.wait();
  const auto before = steady_clock::now();
  const auto result = store->commit({{}, {put("a", "2")}});
  const auto waited = steady_clock::now() - before;
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, Errc::unreachable);
  EXPECT_GE(waited, milliseconds{250});
  EXPECT_LT(waited, milliseconds{3000});
  EXPECT_EQ(must(store->get("a"))->value, "1") << "reading goes on";
  done.send();
  EXPECT_TRUE(child_succeeded(child));
  EXPECT_TRUE(must(store->commit({{}, {put("a", "2")}})).committed);
}

TEST_F(SqliteKeystoreFile, OldChangesAreForgottenByThemselves) {
  options_.kept_events = 100;
  const auto store = open();
  const Revision start = must(store->commit({{}, {put("a", "0")}})).revision;
  Revision last = start;
  for (int i = 0; i < 150; ++i) last = must(store->commit({{}, {put("a", std::to_string(i))}})).revision;
  EXPECT_TRUE(must(must(store->watch("", start))->next(milliseconds{0})).reset);
  const WatchBatch batch = must(must(store->watch("", last - 40))->next(milliseconds{0}));
  EXPECT_FALSE(batch.reset);
  EXPECT_EQ(batch.events.size(), 40U);
}

TEST_F(SqliteKeystoreFile, AReplacedFileIsNoticed) {
  const auto store = open();
  const Revision seen = must(store->commit({{}, {put("a", "1")}})).revision;
  const auto watch = must(store->watch("", seen));
  ASSERT_EQ(::rename(directory_.file("sub").c_str(), directory_.file("away").c_str()), 0);
  must(open()->commit({{}, {put("b", "1")}}));
  EXPECT_FALSE(must(store->get("a")).has_value());
  EXPECT_EQ(must(store->get("b"))->value, "1");
  EXPECT_TRUE(must(watch->next(milliseconds{0})).reset);
}

TEST_F(SqliteKeystoreFile, SessionsOfAnEarlierBootAreOver) {
  const auto store = open();
  const auto session = must(store->open_session(std::chrono::seconds{3600}));
  must(store->commit({{}, {put("s", "1", session->id())}}));
  must(must(sqlite_file()).execute("UPDATE sessions SET boot = 'another'"));
  EXPECT_FALSE(must(store->get("s")).has_value());
  EXPECT_EQ(session->keep_alive().error().code, Errc::not_found);
}

TEST_F(SqliteKeystoreFile, AKilledWriterLosesNothingItWasTold) {
  std::mt19937 random(1);
  for (int round = 0; round < 30; ++round) {
    std::array<int, 2> told{};
    ASSERT_EQ(::pipe(told.data()), 0);
    const pid_t child = fork_child([&] {
      const auto store = open();
      for (int i = 0;; ++i) {
        must(store->commit(
            {{}, {put("k", std::to_string(i)), put("n/" + std::to_string(i % 7), std::to_string(i))}}));
        if (::write(told[1], &i, sizeof(i)) != sizeof(i)) break;
      }
    });
    ::close(told[1]);
    int last = -1;
    const int until = std::uniform_int_distribution<int>(1, 40)(random);
    for (int i = 0; i < until; ++i) ASSERT_EQ(::read(told[0], &last, sizeof(last)), sizeof(last));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    wait_for(child);
    while (::read(told[0], &last, sizeof(last)) == sizeof(last)) {
    }
    ::close(told[0]);
    const auto store = open();
    const int found = std::stoi(must(store->get("k"))->value);
    EXPECT_TRUE(found == last || found == last + 1) << found << " after " << last;
    EXPECT_EQ(must(store->get("n/" + std::to_string(found % 7)))->value, std::to_string(found));
  }
}

}  // namespace

}  // namespace ovl::test
