// What the SQLite layer promises about files: made privately, opened only when they are what they
// should be, locked and damaged ones named with a remedy.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <array>
#include <chrono>

#include "sqlite/sqlite.hpp"
#include "tests/support/process.hpp"

namespace ovl::test {

namespace {

using sqlite::Access;
using sqlite::Database;
using sqlite::OpenOptions;
using sqlite::Statement;
using Kind = sqlite::Transaction::Kind;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::array<std::string_view, 1> kFirst{"CREATE TABLE t (a INTEGER, b BLOB) STRICT;"};
constexpr std::array<std::string_view, 2> kSecond{kFirst[0], "ALTER TABLE t ADD COLUMN c TEXT;"};

class SqliteFile : public ::testing::Test {
 protected:
  [[nodiscard]] OpenOptions options(Access access = Access::create) const {
    return OpenOptions{.path = path_,
                       .access = access,
                       .application_id = 77,
                       .migrations = kFirst,
                       .busy_timeout = milliseconds{200},
                       .remedy = "move it away"};
  }

  Error refused(const OpenOptions& options) {
    auto database = Database::open(options);
    if (database.ok()) {
      ADD_FAILURE() << "it was opened";
      return {};
    }
    return std::move(database).error();
  }

  TemporaryDirectory directory_;
  std::string path_ = directory_.file("x.db");
};

TEST_F(SqliteFile, ModesDoNotDependOnTheUmask) {
  for (const mode_t mask : {0U, 077U, 022U}) {
    const TemporaryDirectory directory;
    OpenOptions wanted = options();
    wanted.path = directory.file("a/b/x.db");
    ::umask(mask);
    auto database = must(Database::open(wanted));
    must(database.execute("INSERT INTO t VALUES (1, x'00')"));
    EXPECT_EQ(mode_of(directory.file("a")), 0700U);
    EXPECT_EQ(mode_of(directory.file("a/b")), 0700U);
    EXPECT_EQ(mode_of(wanted.path), 0600U);
    EXPECT_EQ(mode_of(wanted.path + "-wal"), 0600U);
    EXPECT_EQ(mode_of(wanted.path + "-shm"), 0600U);
  }
}

TEST_F(SqliteFile, ReadingMakesNothing) {
  OpenOptions wanted = options(Access::read_only);
  wanted.path = directory_.file("none/x.db");
  EXPECT_EQ(refused(wanted).code, Errc::not_found);
  EXPECT_FALSE(exists(directory_.file("none")));
  wanted.path = path_;
  EXPECT_EQ(refused(wanted).code, Errc::not_found);
  wanted.access = Access::read_write;
  EXPECT_EQ(refused(wanted).code, Errc::not_found);
  EXPECT_FALSE(exists(path_));
}

TEST_F(SqliteFile, SymbolicLinkIsRefused) {
  must(Database::open(options()));
  const std::string link = directory_.file("link.db");
  ASSERT_EQ(::symlink(path_.c_str(), link.c_str()), 0);
  OpenOptions wanted = options();
  wanted.path = link;
  const Error error = refused(wanted);
  EXPECT_EQ(error.code, Errc::io);
  EXPECT_NE(error.message.find("symbolic link"), std::string::npos) << error.message;
}

TEST_F(SqliteFile, DanglingLinkMakesNothingElsewhere) {
  ASSERT_EQ(::symlink(directory_.file("elsewhere").c_str(), path_.c_str()), 0);
  EXPECT_EQ(refused(options()).code, Errc::io);
  EXPECT_FALSE(exists(directory_.file("elsewhere")));
}

TEST_F(SqliteFile, LinkInTheDirectoryIsFollowed) {
  ASSERT_EQ(::mkdir(directory_.file("real").c_str(), 0700), 0);
  ASSERT_EQ(::symlink("real", directory_.file("way").c_str()), 0);
  OpenOptions wanted = options();
  wanted.path = directory_.file("way/x.db");
  EXPECT_EQ(must(Database::open(wanted)).path(), directory_.file("real/x.db"));
}

TEST_F(SqliteFile, DirectoryIsRefused) {
  ASSERT_EQ(::mkdir(path_.c_str(), 0700), 0);
  const Error error = refused(options());
  EXPECT_EQ(error.code, Errc::io);
  EXPECT_NE(error.message.find("is a directory"), std::string::npos) << error.message;
}

TEST_F(SqliteFile, FifoIsRefusedWithoutWaiting) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(refused(options()).code, Errc::io);
}

TEST_F(SqliteFile, FileThatEverybodyMayWriteIsRefused) {
  must(Database::open(options()));
  ASSERT_EQ(::chmod(path_.c_str(), 0666), 0);
  const Error error = refused(options());
  EXPECT_EQ(error.code, Errc::io);
  EXPECT_EQ(error.hint, "chmod 600 " + path_);
}

TEST_F(SqliteFile, RelativePathIsRefused) {
  OpenOptions wanted = options();
  wanted.path = "x.db";
  EXPECT_EQ(refused(wanted).code, Errc::usage);
}

TEST_F(SqliteFile, GarbageIsCorruptAndUntouched) {
  const std::string garbage = "this was a shopping list\n" + std::string(5000, '\x7f');
  write_file(path_, garbage);
  for (const Access access : {Access::create, Access::read_write, Access::read_only}) {
    const Error error = refused(options(access));
    EXPECT_EQ(error.code, Errc::corrupt);
    EXPECT_NE(error.message.find(path_), std::string::npos);
    EXPECT_EQ(error.hint, "move it away");
  }
  EXPECT_EQ(read_file(path_), garbage);
}

// The header is whole, what follows is not.
TEST_F(SqliteFile, DamageInsideIsFoundAtOpen) {
  {
    auto database = must(Database::open(options()));
    for (int i = 0; i < 50; ++i) must(database.execute("INSERT INTO t VALUES (1, randomblob(1000))"));
  }
  std::string bytes = read_file(path_);
  ASSERT_GT(bytes.size(), 20'000U);
  for (std::size_t i = 8192; i < 16'384; ++i) bytes[i] = '\x55';
  write_file(path_, bytes);
  const Error error = refused(options());
  EXPECT_EQ(error.code, Errc::corrupt);
  EXPECT_EQ(error.hint, "move it away");
}

TEST_F(SqliteFile, AnotherProgramsDatabaseIsRefused) {
  OpenOptions theirs = options();
  theirs.application_id = 78;
  must(Database::open(theirs));
  EXPECT_EQ(refused(options()).code, Errc::corrupt);
  theirs.path = directory_.file("nobodys.db");
  theirs.application_id = 0;
  must(Database::open(theirs));
  theirs.application_id = 77;
  EXPECT_EQ(refused(theirs).code, Errc::corrupt);
}

TEST_F(SqliteFile, OlderFormatIsBroughtUpToDate) {
  must(must(Database::open(options())).execute("INSERT INTO t VALUES (5, x'00')"));
  OpenOptions newer = options(Access::read_only);
  newer.migrations = kSecond;
  EXPECT_EQ(refused(newer).code, Errc::unsupported);
  newer.access = Access::read_write;
  auto database = must(Database::open(newer));
  EXPECT_EQ(must(database.number("SELECT a FROM t WHERE c IS NULL")), 5);
}

TEST_F(SqliteFile, NewerMinorFormatIsWorkedOnAndStays) {
  OpenOptions newer = options();
  newer.migrations = kSecond;
  must(Database::open(newer));
  for (const Access access : {Access::read_only, Access::read_write, Access::create}) {
    auto database = must(Database::open(options(access)));
    EXPECT_EQ(must(database.number("PRAGMA user_version")), 2);
  }
}

TEST_F(SqliteFile, NewerMajorFormatIsRefusedInWords) {
  must(must(Database::open(options())).execute("PRAGMA user_version = 2003"));
  for (const Access access : {Access::read_only, Access::read_write}) {
    const Error error = refused(options(access));
    EXPECT_EQ(error.code, Errc::unsupported);
    EXPECT_NE(error.message.find("newer ovl (format 3.3, this one reads 1.1)"), std::string::npos)
        << error.message;
  }
}

TEST_F(SqliteFile, ProcessesThatOpenANewFileTogetherAllSucceed) {
  for (int round = 0; round < 30; ++round) {
    path_ = directory_.file("together" + std::to_string(round) + ".db");
    OpenOptions wanted = options();
    wanted.busy_timeout = milliseconds{10'000};
    std::array<pid_t, 6> children{};
    const Signal go;
    for (pid_t& child : children) {
      child = fork_child([&] {
        go.wait();
        must(must(Database::open(wanted)).execute("INSERT INTO t VALUES (1, x'')"));
      });
    }
    for (std::size_t i = 0; i < children.size(); ++i) go.send();
    for (const pid_t child : children) EXPECT_TRUE(child_succeeded(child));
    EXPECT_EQ(must(must(Database::open(wanted)).number("SELECT count(*) FROM t")), 6);
  }
}

TEST_F(SqliteFile, ALockIsWaitedForAndThenNamed) {
  auto database = must(Database::open(options()));
  const Signal locked;
  const Signal done;
  const pid_t child = fork_child([&] {
    auto theirs = must(Database::open(options()));
    auto lock = must(sqlite::Transaction::begin(theirs, Kind::write));
    locked.send();
    done.wait();
  });
  locked.wait();
  const auto before = steady_clock::now();
  const auto refused = sqlite::Transaction::begin(database, Kind::write);
  const auto waited = steady_clock::now() - before;
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::locked);
  EXPECT_GE(waited, milliseconds{150});
  EXPECT_LT(waited, milliseconds{5000});
  EXPECT_EQ(must(database.number("SELECT count(*) FROM t")), 0) << "readers do not wait";
  done.send();
  EXPECT_TRUE(child_succeeded(child));
  EXPECT_TRUE(sqlite::Transaction::begin(database, Kind::write).ok());
}

TEST_F(SqliteFile, OwnerWithoutTheRightToWriteGetsPrivilege) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  must(must(Database::open(options())).execute("INSERT INTO t VALUES (7, x'')"));
  ASSERT_EQ(::chown(directory_.path().c_str(), 65534, 65534), 0);
  ASSERT_EQ(::chown(path_.c_str(), 65534, 65534), 0);
  ASSERT_EQ(::chmod(path_.c_str(), 0400), 0);
  ASSERT_EQ(::seteuid(65534), 0);
  EXPECT_EQ(refused(options()).code, Errc::privilege);
  EXPECT_EQ(must(must(Database::open(options(Access::read_only))).number("SELECT a FROM t")), 7);
  ASSERT_EQ(::seteuid(0), 0);
}

TEST_F(SqliteFile, FileOfAnotherUserGetsPrivilege) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  must(Database::open(options()));
  ASSERT_EQ(::chmod(directory_.path().c_str(), 0755), 0);
  ASSERT_EQ(::seteuid(65534), 0);
  EXPECT_EQ(refused(options()).code, Errc::privilege);
  EXPECT_EQ(refused(options(Access::read_only)).code, Errc::privilege);
  ASSERT_EQ(::seteuid(0), 0);
}

TEST_F(SqliteFile, ReadOnlyFileSystemCanBeRead) {
  if (::geteuid() != 0 || ::unshare(CLONE_NEWNS) != 0) GTEST_SKIP() << "needs a mount namespace of its own";
  must(must(Database::open(options())).execute("INSERT INTO t VALUES (7, x'')"));
  const char* path = directory_.path().c_str();
  ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
  ASSERT_EQ(::mount(path, path, nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(::mount(nullptr, path, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr), 0);
  EXPECT_EQ(refused(options()).code, Errc::privilege);
  EXPECT_EQ(must(must(Database::open(options(Access::read_only))).number("SELECT a FROM t")), 7);
  ASSERT_EQ(::umount(path), 0);
}

TEST_F(SqliteFile, NoticesThatItsFileWasReplaced) {
  const auto database = must(Database::open(options()));
  EXPECT_TRUE(database.is_in_place());
  ASSERT_EQ(::rename(path_.c_str(), directory_.file("away").c_str()), 0);
  EXPECT_FALSE(database.is_in_place());
  write_file(path_, "");
  EXPECT_FALSE(database.is_in_place());
}

// ---- statements and transactions ---------------------------------------------------------------

TEST_F(SqliteFile, BytesNumbersAndNullsComeBack) {
  auto database = must(Database::open(options()));
  const std::string bytes("a\0b\xff", 4);
  auto insert = must(database.prepare("INSERT INTO t VALUES (?1, ?2)"));
  insert.bind(1, INT64_MIN);
  insert.bind_bytes(2, bytes);
  must(insert.run());
  insert.bind_null(1);
  insert.bind_bytes(2, {});
  must(insert.run());
  auto select = must(database.prepare("SELECT a, b FROM t"));
  ASSERT_TRUE(must(select.step()));
  EXPECT_EQ(select.integer(0), INT64_MIN);
  EXPECT_EQ(select.text(1), bytes);
  ASSERT_TRUE(must(select.step()));
  EXPECT_TRUE(select.is_null(0));
  EXPECT_FALSE(select.is_null(1));
  EXPECT_EQ(select.text(1), "");
  EXPECT_FALSE(must(select.step()));
}

TEST_F(SqliteFile, AWrongParameterIsToldByTheStep) {
  auto database = must(Database::open(options()));
  auto insert = must(database.prepare("INSERT INTO t VALUES (?1, NULL)"));
  insert.bind(9, std::int64_t{1});
  EXPECT_FALSE(insert.run().ok());
  EXPECT_FALSE(database.prepare("SELECT nothing FROM nowhere").ok());
}

TEST_F(SqliteFile, WhatIsNotCommittedIsNotThere) {
  auto database = must(Database::open(options()));
  {
    auto transaction = must(sqlite::Transaction::begin(database, Kind::write));
    must(database.execute("INSERT INTO t VALUES (1, NULL)"));
  }
  EXPECT_EQ(must(database.number("SELECT count(*) FROM t")), 0);
  auto transaction = must(sqlite::Transaction::begin(database, Kind::write));
  must(database.execute("INSERT INTO t VALUES (1, NULL)"));
  must(transaction.commit());
  EXPECT_EQ(must(database.number("SELECT count(*) FROM t")), 1);
}

}  // namespace

}  // namespace ovl::test
