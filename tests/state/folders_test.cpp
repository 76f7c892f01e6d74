// The folders of the clusters' states: those of earlier versions are found and moved, whatever the cluster
// is called and wherever the move was cut short.
#include "state/folders.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "tests/support/process.hpp"

namespace ovl::test {

namespace {

namespace fs = std::filesystem;

class StateFolders : public ::testing::Test {
 protected:
  [[nodiscard]] StateOptions of(const std::string& cluster) const {
    return {.root = root_, .cluster = must(Label::parse(cluster))};
  }

  [[nodiscard]] std::string folder(const std::string& name) const { return root_ + "/" + name; }

  // The state of a cluster, made where earlier versions kept it.
  void make_former(const std::string& cluster) {
    must(must(State::open(of("made"))).bind("host", "of-" + cluster));
    fs::create_directories(folder(cluster));
    for (const char* file : {"state.db", "state.db-wal", "state.db-shm"}) {
      if (exists(folder("clusters/made/") + file))
        fs::rename(folder("clusters/made/") + file, folder(cluster + "/") + file);
    }
    fs::remove_all(folder("clusters/made"));
    if (cluster != "clusters") fs::remove_all(folder("clusters"));
  }

  [[nodiscard]] std::string host_in(const State& state) const {
    return must(state.binding("host")).value_or("none");
  }

  [[nodiscard]] std::vector<std::string> known() const {
    std::vector<std::string> out;
    for (const Label& name : clusters_with_state(root_)) out.push_back(name.text());
    return out;
  }

  // Both ways of opening find it, and it is where it belongs afterwards.
  void expect_moved(const std::string& cluster) const {
    EXPECT_EQ(host_in(must(State::open_read_only(of(cluster)))), "of-" + cluster);
    EXPECT_EQ(known(), std::vector<std::string>{cluster});
    EXPECT_EQ(host_in(must(State::open(of(cluster)))), "of-" + cluster);
    EXPECT_EQ(must(find_state_folder(of(cluster))), folder("clusters/" + cluster));
    EXPECT_TRUE(exists(folder("clusters/" + cluster + "/state.db")));
    EXPECT_EQ(host_in(must(State::open_read_only(of(cluster)))), "of-" + cluster);
    EXPECT_EQ(known(), std::vector<std::string>{cluster});
    EXPECT_FALSE(exists(folder(".clusters")));
    if (cluster != "clusters") {
      EXPECT_FALSE(exists(folder(cluster)));
    } else {
      EXPECT_FALSE(exists(folder("clusters/state.db")));
    }
  }

  TemporaryDirectory directory_;
  std::string root_ = directory_.file("lib");
};

class StateFolderOf : public StateFolders, public ::testing::WithParamInterface<const char*> {};

TEST_P(StateFolderOf, AnEarlierVersionIsMoved) {
  make_former(GetParam());
  expect_moved(GetParam());
}

TEST_P(StateFolderOf, ANewStateIsMadeWhereItBelongs) {
  must(must(State::open(of(GetParam()))).bind("host", std::string("of-") + GetParam()));
  expect_moved(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Names, StateFolderOf,
                         ::testing::Values("demo", "suspended", "sync", "clusters", "lock", "state"));

TEST_F(StateFolders, ReadingMovesNothing) {
  make_former("demo");
  EXPECT_EQ(host_in(must(State::open_read_only(of("demo")))), "of-demo");
  EXPECT_FALSE(exists(folder("clusters")));
}

TEST_F(StateFolders, OneCommandMovesThemAll) {
  make_former("suspended");
  fs::rename(folder("suspended"), directory_.file("kept"));
  make_former("demo");
  fs::rename(directory_.file("kept"), folder("suspended"));
  must(State::open(of("other")));
  EXPECT_EQ(known(), (std::vector<std::string>{"demo", "suspended"}));
  EXPECT_FALSE(exists(folder("suspended")));
  EXPECT_FALSE(exists(folder("clusters/other")));
}

// Every moment between two steps of a move.
TEST_F(StateFolders, AMoveThatWasCutShortIsFinished) {
  make_former("demo");
  fs::create_directories(folder("clusters"));
  expect_moved("demo");
  fs::remove_all(root_);

  make_former("clusters");
  fs::rename(folder("clusters"), folder(".clusters"));
  expect_moved("clusters");
  fs::remove_all(root_);

  make_former("clusters");
  fs::rename(folder("clusters"), folder(".clusters"));
  fs::create_directories(folder("clusters"));
  expect_moved("clusters");
}

// Whoever has put it elsewhere, by a link that counts from where it was.
TEST_F(StateFolders, ALinkStaysOneToTheSameFolder) {
  for (const bool cut_short : {false, true}) {
    make_former("demo");
    fs::rename(folder("demo"), directory_.file("elsewhere"));
    fs::create_symlink("../elsewhere", folder("demo"));
    if (cut_short) {
      fs::create_directories(folder("clusters"));
      fs::create_symlink(directory_.file("elsewhere"), folder("clusters/demo"));
    }
    expect_moved("demo");
    EXPECT_TRUE(exists(directory_.file("elsewhere/state.db")));
    fs::remove_all(root_);
    fs::remove_all(directory_.file("elsewhere"));
  }
}

TEST_F(StateFolders, InBothPlacesIsSaid) {
  make_former("demo");
  fs::rename(folder("demo"), directory_.file("kept"));
  must(must(State::open(of("demo"))).bind("host", "now"));
  fs::rename(directory_.file("kept"), folder("demo"));
  for (const bool writes : {true, false}) {
    const auto state = writes ? State::open(of("demo")) : State::open_read_only(of("demo"));
    ASSERT_FALSE(state.ok());
    EXPECT_EQ(state.error().code, Errc::conflict);
    for (const std::string& place : {folder("demo"), folder("clusters/demo")})
      EXPECT_NE(state.error().message.find(place), std::string::npos) << state.error().message;
    EXPECT_NE(state.error().hint.find(folder("demo")), std::string::npos) << state.error().hint;
  }
  EXPECT_EQ(known(), std::vector<std::string>{"demo"});
  must(State::open(of("other")));
}

// What can't be moved is used where it is.
TEST_F(StateFolders, WhatIsInTheWayStopsNobody) {
  make_former("demo");
  fs::create_directories(folder("clusters/demo/something"));
  EXPECT_EQ(host_in(must(State::open(of("demo")))), "of-demo");
  EXPECT_TRUE(exists(folder("demo/state.db")));
}

}  // namespace

}  // namespace ovl::test
