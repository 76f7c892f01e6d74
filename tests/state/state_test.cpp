// What the host's state keeps, and what it refuses to open.
#include "state/state.hpp"

#include <rapidcheck.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>

#include "state/tables.hpp"
#include "tests/support/process.hpp"

namespace ovl::test {

namespace {

NetnsName netns(const std::string& name) {
  return name.empty() ? NetnsName() : must(NetnsName::parse(name));
}

class StateTest : public ::testing::Test {
 protected:
  State open() { return must(State::open(options_)); }

  // The same file, opened by another.
  sqlite::Database beside() {
    auto tables = must(open_state_tables(State::directory(options_), sqlite::Access::read_write));
    if (!tables) std::abort();
    return std::move(*tables);
  }

  [[nodiscard]] std::string path() const { return State::directory(options_) + "/state.db"; }

  static OwnedObject object(const std::string& space, const std::string& key,
                            const std::string& value = "{}") {
    return OwnedObject{{netns(space), "link", key}, value};
  }

  TemporaryDirectory directory_;
  int case_ = 0;
  StateOptions options_{.root = directory_.file("lib"), .cluster = must(Label::parse("demo"))};
};

// ---- the file ----------------------------------------------------------------------------------

TEST_F(StateTest, ModesDoNotDependOnTheUmask) {
  for (const mode_t mask : {0U, 077U}) {
    options_.root = directory_.file("mask" + std::to_string(mask));
    ::umask(mask);
    auto state = open();
    must(state.bind("host", "a"));
    EXPECT_EQ(mode_of(options_.root), 0700U);
    EXPECT_EQ(mode_of(options_.root + "/clusters"), 0700U);
    EXPECT_EQ(mode_of(options_.root + "/clusters/demo"), 0700U);
    for (const char* end : {"", "-wal", "-shm"}) EXPECT_EQ(mode_of(path() + end), 0600U) << end;
  }
}

TEST_F(StateTest, ReadingAnAbsentStateIsEmptyAndMakesNothing) {
  auto state = must(State::open_read_only(options_));
  EXPECT_TRUE(must(state.owned()).empty());
  EXPECT_TRUE(must(state.namespaces()).empty());
  EXPECT_TRUE(must(state.originals()).empty());
  EXPECT_TRUE(must(state.dangling()).empty());
  EXPECT_TRUE(must(state.journal(5)).empty());
  EXPECT_TRUE(must(state.generations(5)).empty());
  EXPECT_EQ(must(state.records()), StoredRecords{});
  EXPECT_EQ(must(state.binding("host")), std::nullopt);
  EXPECT_FALSE(exists(options_.root));
}

// A command that is refused has opened the state to write, and has written nothing.
TEST_F(StateTest, OpeningToWriteMakesNothingYet) {
  auto state = open();
  EXPECT_TRUE(must(state.namespaces()).empty());
  EXPECT_TRUE(must(state.dangling()).empty());
  EXPECT_EQ(must(state.records()), StoredRecords{});
  EXPECT_EQ(must(state.binding("host")), std::nullopt);
  EXPECT_EQ(state.backup(), "");
  EXPECT_FALSE(exists(options_.root));
  auto other = open();
  must(other.bind("host", "a"));
  EXPECT_EQ(must(state.binding("host")), "a") << "made by another meanwhile";
}

TEST_F(StateTest, ReadingSeesWhatIsThereAndWritesNothing) {
  auto writer = open();
  must(writer.bind("host", "a"));
  auto reader = must(State::open_read_only(options_));
  EXPECT_EQ(must(reader.binding("host")), "a");
  must(writer.bind("host", "b"));
  EXPECT_EQ(must(reader.binding("host")), "b");
  EXPECT_EQ(reader.bind("host", "c").error().code, Errc::bug);
  EXPECT_EQ(reader.begin("id", "what", 1).error().code, Errc::bug);
  EXPECT_EQ(must(writer.binding("host")), "b");
}

TEST_F(StateTest, EachClusterHasItsOwn) {
  must(open().bind("host", "a"));
  options_.cluster = must(Label::parse("other"));
  EXPECT_EQ(must(open().binding("host")), std::nullopt);
}

TEST_F(StateTest, GarbageIsRefusedWithTheRemedy) {
  must(open().bind("host", "a"));
  write_file(path(), "garbage" + std::string(4000, '?'));
  for (const auto& state : {State::open(options_).ok(), State::open_read_only(options_).ok()})
    EXPECT_FALSE(state);
  const Error error = State::open(options_).error();
  EXPECT_EQ(error.code, Errc::corrupt);
  EXPECT_NE(error.message.find(path()), std::string::npos);
  EXPECT_EQ(error.hint, "move it away; the next apply rebuilds it from the kernel's own marks");
}

TEST_F(StateTest, ACopyIsWhatWasThereBeforeAndComesBack) {
  {
    auto state = open();
    must(state.back_up());
    EXPECT_EQ(state.backup(), "") << "nothing was worth keeping";
    must(state.bind("host", "before"));
    must(state.add_generation(Generation{.serial = 1}));
    must(state.back_up());
    must(state.bind("host", "after"));
    EXPECT_EQ(state.backup(), path() + ".backup");
    EXPECT_EQ(mode_of(path() + ".backup"), 0600U);
  }
  write_file(path(), "garbage" + std::string(4000, '?'));
  const Error error = State::open(options_).error();
  EXPECT_EQ(error.hint, "put its last copy back: cp " + path() + ".backup " + path() + " && rm -f " + path() +
                            "-wal " + path() +
                            "-shm; or move it away; the next apply rebuilds it from the "
                            "kernel's own marks");
  std::filesystem::copy_file(path() + ".backup", path(), std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(must(open().binding("host")), "before");
}

// A copy that fails leaves the last one, and nothing beside it.
// As where /var/lib/ovl is a link to another disk.
TEST_F(StateTest, ACopyIsMadeBelowALink) {
  std::filesystem::create_directory(directory_.file("disk"));
  std::filesystem::create_directory_symlink(directory_.file("disk"), options_.root);
  auto state = open();
  must(state.add_generation(Generation{.serial = 1}));
  must(state.back_up());
  EXPECT_EQ(state.backup(), path() + ".backup");
  EXPECT_TRUE(std::filesystem::exists(directory_.file("disk") + "/clusters/demo/state.db.backup"));
}

TEST_F(StateTest, AFailedCopyLeavesTheLastOne) {
  auto state = open();
  must(state.add_generation(Generation{.serial = 1}));
  must(state.back_up());
  const std::string before = read_file(path() + ".backup");
  std::filesystem::create_directory(path() + ".backup.new");
  must(state.bind("host", "after"));
  EXPECT_FALSE(state.back_up().ok());
  EXPECT_EQ(read_file(path() + ".backup"), before);
}

TEST_F(StateTest, ANewerStateIsRefusedInWords) {
  must(open().bind("host", "a"));
  must(beside().execute("PRAGMA user_version = 1000"));
  for (const bool writes : {true, false}) {
    const auto state = writes ? State::open(options_) : State::open_read_only(options_);
    ASSERT_FALSE(state.ok());
    EXPECT_EQ(state.error().code, Errc::unsupported);
    EXPECT_NE(state.error().message.find("newer ovl (format 2.0"), std::string::npos)
        << state.error().message;
  }
}

TEST_F(StateTest, WhatANewerBuildHasAddedStays) {
  must(open().bind("host", "a"));
  must(
      beside().execute("CREATE TABLE added (x TEXT); INSERT INTO added VALUES ('kept');"
                       "PRAGMA user_version = 9"));
  must(open().bind("host", "b"));
  must(open().back_up());
  auto seen = must(State::open_read_only(options_));
  EXPECT_EQ(must(seen.binding("host")), "b");
  auto database = beside();
  auto statement = must(database.prepare("SELECT x FROM added"));
  ASSERT_TRUE(must(statement.step()));
  EXPECT_EQ(statement.text(0), "kept");
  EXPECT_EQ(must(database.number("PRAGMA user_version")), 9);
}

TEST_F(StateTest, ASymbolicLinkIsRefused) {
  must(open().bind("host", "a"));
  ASSERT_EQ(::rename(path().c_str(), directory_.file("target").c_str()), 0);
  ASSERT_EQ(::symlink(directory_.file("target").c_str(), path().c_str()), 0);
  EXPECT_EQ(State::open(options_).error().code, Errc::io);
  EXPECT_EQ(State::open_read_only(options_).error().code, Errc::io);
}

TEST_F(StateTest, AStoredNameThatIsNoneIsCorrupt) {
  auto state = open();
  must(state.bind("host", "a"));
  must(beside().execute("INSERT INTO namespaces VALUES ('../../etc')"));
  const auto names = state.namespaces();
  ASSERT_FALSE(names.ok());
  EXPECT_EQ(names.error().code, Errc::corrupt);
}

TEST_F(StateTest, OpenedByManyAtOnce) {
  std::vector<pid_t> children;
  for (int who = 0; who < 6; ++who) {
    children.push_back(fork_child([&, who] {
      auto state = open();
      for (int i = 0; i < 20; ++i) {
        const std::vector<OwnedObject> one{object("", std::to_string(who) + "-" + std::to_string(i))};
        must(state.record(one, {}));
        must(state.end(must(state.begin("id", "what", 1)), nullptr));
      }
    }));
  }
  for (const pid_t child : children) EXPECT_TRUE(child_succeeded(child));
  EXPECT_EQ(must(open().owned()).size(), 120U);
  EXPECT_TRUE(must(open().dangling()).empty());
}

// ---- owned objects -------------------------------------------------------------------------------

TEST_F(StateTest, OwnedObjectsAreSortedAndReplaced) {
  auto state = open();
  const std::vector<OwnedObject> first{object("web", "eth0", "1"), object("", "br0", "2"),
                                       object("web", "a", "3")};
  must(state.record(first, {}));
  const std::vector<OwnedObject> second{object("web", "eth0", "4")};
  const std::vector<OwnedKey> gone{first[2].id, {netns("web"), "link", "never there"}};
  must(state.record(second, gone));
  const std::vector<OwnedObject> wanted{object("", "br0", "2"), object("web", "eth0", "4")};
  EXPECT_EQ(must(open().owned()), wanted);
}

TEST_F(StateTest, RemovedAndRecordedInOneCallIsThere) {
  auto state = open();
  const std::vector<OwnedObject> one{object("", "a", "new")};
  const std::vector<OwnedKey> gone{one[0].id};
  must(state.record(one, gone));
  EXPECT_EQ(must(state.owned()), one);
}

TEST_F(StateTest, OwnedAgreesWithAMapOverRandomChanges) {
  EXPECT_TRUE(rc::check("owned() is what a map would hold", [this] {
    options_.cluster = must(Label::parse("c" + std::to_string(case_++)));
    auto state = open();
    std::map<OwnedKey, std::string> model;
    const auto any_id = rc::gen::exec([] {
      return OwnedKey{netns(*rc::gen::element<std::string>("", "a", "b")),
                      *rc::gen::element<std::string>("link", "fdb"),
                      *rc::gen::element<std::string>("", "x", "x\xc3\xa9", "y")};
    });
    for (int step = *rc::gen::inRange(1, 8); step > 0; --step) {
      std::vector<OwnedObject> upserts;
      std::vector<OwnedKey> removals;
      for (int i = *rc::gen::inRange(0, 5); i > 0; --i) removals.push_back(*any_id);
      for (int i = *rc::gen::inRange(0, 5); i > 0; --i)
        upserts.push_back({*any_id, std::to_string(step * 10 + i)});
      must(state.record(upserts, removals));
      for (const OwnedKey& id : removals) model.erase(id);
      for (const OwnedObject& one : upserts) model[one.id] = one.value;
    }
    std::vector<OwnedObject> wanted;
    for (const auto& [id, value] : model) wanted.push_back({id, value});
    RC_ASSERT((must(state.owned()) == wanted));
  }));
}

TEST_F(StateTest, NamespacesAreAddedAndReplaced) {
  auto state = open();
  const std::vector<NetnsName> some{netns("web"), netns("ovl-net")};
  must(state.add_namespaces(some));
  must(state.add_namespaces(std::vector{netns("db"), netns("web")}));
  EXPECT_EQ(must(state.namespaces()), (std::vector{netns("db"), netns("ovl-net"), netns("web")}));
  must(state.set_namespaces(std::vector{netns("web")}));
  EXPECT_EQ(must(state.namespaces()), std::vector{netns("web")});
}

// ---- originals -------------------------------------------------------------------------------------

TEST_F(StateTest, TheFirstOriginalIsKept) {
  auto state = open();
  const std::string path = "net/ipv4/conf/eth1/forwarding";
  must(state.remember_original({netns(""), path, "0", "1"}));
  must(state.remember_original({netns(""), path, "1", "2"}));
  must(state.remember_original({netns("web"), path, "5", "6"}));
  const std::vector<Original> wanted{{netns(""), path, "0", "2"}, {netns("web"), path, "5", "6"}};
  EXPECT_EQ(must(state.originals()), wanted);
  must(state.forget_original(netns(""), path));
  must(state.forget_original(netns(""), path));
  EXPECT_EQ(must(state.originals()).size(), 1U);
  must(state.remember_original({netns(""), path, "9", "1"}));
  EXPECT_EQ(must(state.originals())[0].original, "9") << "a new life begins with a new original";
}

// ---- journal and generations -----------------------------------------------------------------------

TEST_F(StateTest, WhatIsNotEndedDangles) {
  auto state = open();
  const std::int64_t first = must(state.begin("one", "create 3 objects", 3));
  const std::int64_t second = must(state.begin("one", "remove 1 object", 1));
  EXPECT_GT(second, first);
  must(state.end(first, nullptr));
  const std::vector<JournalEntry> wanted{
      {.id = second, .apply_id = "one", .what = "remove 1 object", .operations = 1}};
  EXPECT_EQ(must(open().dangling()), wanted);
  const Error failure{.code = Errc::kernel, .message = "RTM_DELLINK: EBUSY"};
  must(state.end(second, &failure));
  EXPECT_TRUE(must(state.dangling()).empty());
  const auto entries = must(state.journal(10));
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].failure, "RTM_DELLINK: EBUSY");
  EXPECT_TRUE(entries[0].ended);
  EXPECT_EQ(entries[1].failure, "");
  EXPECT_EQ(state.end(second, nullptr).error().code, Errc::not_found);
  EXPECT_EQ(state.end(12345, nullptr).error().code, Errc::not_found);
}

TEST_F(StateTest, TheJournalDoesNotGrowWithoutEnd) {
  auto state = open();
  const std::int64_t open_entry = must(state.begin("id", "died", 1));
  for (int i = 0; i < 1100; ++i) must(state.end(must(state.begin("id", "done", 1)), nullptr));
  EXPECT_EQ(must(state.journal(5000)).size(), 1001U);
  EXPECT_EQ(must(state.dangling()).front().id, open_entry) << "what is open stays, however old";
}

TEST_F(StateTest, GenerationsAreNumberedNewestFirst) {
  auto state = open();
  const Generation one{.serial = 4,
                       .source = "git:abc:.",
                       .commit = "abc",
                       .digest = "d1",
                       .when = 1700000000,
                       .who = "root@a",
                       .apply_id = "id1",
                       .result = "ok",
                       .created = 1,
                       .updated = 2,
                       .replaced = 3,
                       .removed = 4};
  must(state.add_generation(one));
  must(state.add_generation({.serial = 5, .result = "EBUSY"}));
  const auto found = must(open().generations(10));
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].number, 2);
  EXPECT_EQ(found[0].result, "EBUSY");
  Generation wanted = one;
  wanted.number = 1;
  EXPECT_EQ(found[1], wanted);
  EXPECT_EQ(must(state.generations(1)).size(), 1U);
}

// ---- records and bindings --------------------------------------------------------------------------

TEST_F(StateTest, LastGoodRecordsAreReplacedWhole) {
  auto state = open();
  must(state.save_records({"line", 1, {{"networks/b", "{}"}, {"networks/a", "{\"vni\":5}"}}}));
  const StoredRecords wanted{"line", 1, {{"networks/a", "{\"vni\":5}"}, {"networks/b", "{}"}}};
  EXPECT_EQ(must(open().records()), wanted);
  const StoredRecords next{"line", 2, {{"networks/c", "{}"}}};
  must(state.save_records(next));
  EXPECT_EQ(must(state.records()), next);
}

TEST_F(StateTest, ABindingIsReplaced) {
  auto state = open();
  must(state.bind("keystore", "etcd://a:2379"));
  must(state.bind("keystore", "etcd://b:2379"));
  EXPECT_EQ(must(open().binding("keystore")), "etcd://b:2379");
  EXPECT_EQ(must(state.binding("host")), std::nullopt);
}

}  // namespace

}  // namespace ovl::test
