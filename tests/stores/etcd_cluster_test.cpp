// Three members on the loopback: what goes on when one of them goes.
#include "tests/stores/etcd_server.hpp"
#include "tests/stores/real_stores.hpp"

namespace ovl::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

class EtcdCluster : public ::testing::Test {
 protected:
  void SetUp() override {
    constexpr std::size_t kMembers = 3;
    std::vector<std::uint16_t> peers;
    std::string all;
    for (std::size_t i = 0; i < kMembers; ++i) {
      peers.push_back(free_port());
      all += (i == 0 ? "m" : ",m") + std::to_string(i) + "=http://127.0.0.1:" + std::to_string(peers[i]);
    }
    for (std::size_t i = 0; i < kMembers; ++i) {
      members_.push_back(std::make_unique<EtcdMember>(std::vector<std::string>{"--initial-cluster", all},
                                                      "http", "m" + std::to_string(i), free_port(),
                                                      peers[i]));
    }
    for (const auto& member : members_) ASSERT_TRUE(member->wait());
  }

  // By etcd's own account: the status of each member says whether it leads.
  std::size_t leader() {
    for (std::size_t i = 0; i < members_.size(); ++i) {
      const Ran ran = members_[i]->ctl("endpoint status");
      if (ran.ok && ran.out.find(", true,") != std::string::npos) return i;
    }
    ADD_FAILURE() << "nobody leads";
    return 0;
  }

  // All members, this one first.
  std::string url(std::size_t first) {
    std::string text = "etcd://" + members_[first]->host();
    for (std::size_t i = 0; i < members_.size(); ++i) {
      if (i != first) text += "," + members_[i]->host();
    }
    return text;
  }

  std::unique_ptr<Keystore> connect(std::size_t first, milliseconds timeout = seconds{10}) {
    return must(open_keystore({.url = url(first), .timeout = timeout, .driver_directory = OVL_DRIVER_DIR}));
  }

  std::vector<std::unique_ptr<EtcdMember>> members_;
};

TEST_F(EtcdCluster, TheLeaderDiesAndAllGoesOn) {
  const std::size_t leads = leader();
  const auto store = connect(leads);
  const Revision start = must(store->commit({{}, {put("w/a", "1")}})).revision;
  const auto watch = must(store->watch("w/", start));
  const auto session = must(store->open_session(seconds{30}));
  members_[leads]->server().stop(SIGKILL);
  // What was on its way when the leader died may have been taken or not: nobody says it was refused.
  const Transaction second{{{Guard::Kind::unmodified, "w/a", start}}, {put("w/a", "2")}};
  auto done = store->commit(second);
  const bool in_doubt = !done.ok() && done.error().code == Errc::in_doubt;
  if (in_doubt && must(store->get("w/a"))->value == "1") done = store->commit(second);
  EXPECT_TRUE(in_doubt || must(std::move(done)).committed);
  must(session->keep_alive());
  must(store->commit({{}, {put("w/b", "1", session->id())}}));
  const auto events = events_until(*watch, 2, seconds{40});
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].value, "2");
  EXPECT_EQ(events[1].key, "w/b");
}

TEST_F(EtcdCluster, APausedMemberIsPassedBy) {
  const std::size_t leads = leader();
  const std::size_t follows = (leads + 1) % members_.size();
  const auto store = connect(follows, seconds{6});
  must(store->commit({{}, {put("a", "1")}}));
  members_[follows]->server().pause();
  EXPECT_EQ(must(store->get("a"))->value, "1");
  EXPECT_TRUE(must(store->commit({{}, {put("a", "2")}})).committed);
  const auto fresh = connect(follows, seconds{6});
  EXPECT_TRUE(must(fresh->commit({{}, {put("a", "3")}})).committed);
}

// A watch of a member that stops without a word moves on when its pings stay unanswered.
TEST_F(EtcdCluster, AWatchLeavesAPausedMember) {
  const std::size_t follows = (leader() + 1) % members_.size();
  const auto store = connect(follows, seconds{6});
  const auto other = connect(leader());
  const auto watch = must(store->watch("w/", must(store->commit({{}, {put("w/a", "1")}})).revision));
  members_[follows]->server().pause();
  must(other->commit({{}, {put("w/a", "2")}}));
  EXPECT_EQ(events_until(*watch, 1, seconds{40}).size(), 1U);
}

TEST_F(EtcdCluster, WithoutAMajorityNothingIsTaken) {
  const std::size_t leads = leader();
  const auto store = connect(leads, seconds{3});
  must(store->commit({{}, {put("a", "1")}}));
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (i != leads) members_[i]->server().stop(SIGKILL);
  }
  const auto before = steady_clock::now();
  const auto read = store->read("");
  EXPECT_LT(steady_clock::now() - before, seconds{6});
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, Errc::unreachable);
  const auto write = store->commit({{}, {put("a", "2")}});
  ASSERT_FALSE(write.ok());
  EXPECT_EQ(write.error().code, Errc::unreachable) << write.error().message;
}

}  // namespace

}  // namespace ovl::test
