// What is special to etcd: one member that stops, dies, forgets, or is no etcd at all.
#include <atomic>
#include <thread>

#include "tests/stores/etcd_server.hpp"
#include "tests/stores/real_stores.hpp"

namespace ovl::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

// Two seconds on top are what the port allows; the rest is for a busy machine.
constexpr milliseconds kTimeout{1000};
constexpr milliseconds kAtMost{3500};

std::unique_ptr<Keystore> connect(const EtcdMember& member, milliseconds timeout = kTimeout) {
  return must(open_keystore({.url = "etcd://" + member.host() + "/team/a",
                             .timeout = timeout,
                             .driver_directory = OVL_DRIVER_DIR}));
}

std::unique_ptr<Keystore> connect_to_port(std::uint16_t port) {
  return must(open_keystore({.url = "etcd://127.0.0.1:" + std::to_string(port),
                             .timeout = kTimeout,
                             .driver_directory = OVL_DRIVER_DIR}));
}

// Whatever it does takes no longer than a call may.
template <class Work>
auto timely(const Work& work) {
  const auto before = steady_clock::now();
  auto result = work();
  EXPECT_LT(steady_clock::now() - before, kAtMost);
  return result;
}

// A server that accepts and then says these bytes, or nothing.
class FalseServer {
 public:
  explicit FalseServer(std::string says) : says_(std::move(says)) {
    const int on = 1;
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ::setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port_);
    if (::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) std::abort();
    if (::listen(socket_, 16) != 0) std::abort();
    thread_ = std::thread([this] { serve(); });
  }

  FalseServer(const FalseServer&) = delete;
  FalseServer& operator=(const FalseServer&) = delete;

  ~FalseServer() {
    ::shutdown(socket_, SHUT_RDWR);
    thread_.join();
    ::close(socket_);
    for (const int client : clients_) ::close(client);
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  void serve() {
    for (;;) {
      const int client = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) return;
      clients_.push_back(client);
      if (!says_.empty()) (void)!::send(client, says_.data(), says_.size(), MSG_NOSIGNAL);
    }
  }

  std::string says_;
  std::uint16_t port_ = free_port();
  int socket_ = -1;
  std::vector<int> clients_;
  std::thread thread_;
};

class Etcd : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(member_.wait()); }

  EtcdMember member_{quick_leases()};
};

TEST_F(Etcd, RecordsAreReadableWithEtcdctl) {
  const auto store = connect(member_);
  must(store->commit({{}, {put("ovl/c/v1/head", "{\"serial\":1}")}}));
  EXPECT_EQ(member_.ctl("get --prefix team/").out, "team/a/ovl/c/v1/head\n{\"serial\":1}\n");
  ASSERT_TRUE(member_.ctl("put team/a/ovl/c/v1/other x").ok);
  ASSERT_TRUE(member_.ctl("put team/b/ovl/c/v1/foreign x").ok);
  ASSERT_EQ(must(store->read("")).items.size(), 2U);
  EXPECT_EQ(must(store->read("")).items[1].key, "ovl/c/v1/other");
}

// Why a lock's fence is its create revision: the next holder's key has the version of the first one's.
TEST_F(Etcd, TheVersionOfALockIsNoFence) {
  const auto store = connect(member_);
  const Revision mine = must(store->commit({{}, {put("lock", "me")}})).revision;
  must(store->commit({{}, {erase("lock")}}));
  must(store->commit({{}, {put("lock", "another")}}));
  const std::string stale = "printf 'version(\"team/a/lock\") = \"1\"\\n\\nput team/a/w stale\\n\\n\\n' | ";
  EXPECT_EQ(member_.ctl_from(stale, "txn").out.substr(0, 7), "SUCCESS")
      << "the wrong guard lets a stale writer pass";
  EXPECT_EQ(must(store->read("w")).items.size(), 1U);
  EXPECT_FALSE(
      must(store->commit({{{Guard::Kind::same_life, "lock", mine}}, {put("w2", "stale")}})).committed);
}

TEST_F(Etcd, ReadsAHundredThousandKeysAtOneRevision) {
  const auto store = connect(member_, seconds{5});
  constexpr std::size_t kKeys = 100'000;
  for (std::size_t i = 0; i < kKeys;) {
    Transaction transaction;
    for (std::size_t n = 0; n < store->max_operations() && i < kKeys; ++n, ++i) {
      transaction.writes.push_back(put("k/" + std::to_string(kKeys + i), std::string(200, 'v')));
    }
    must(store->commit(transaction));
  }
  std::atomic<bool> over = false;
  // A writer in between: pages that were not of one revision would not be equal in number.
  std::thread writer([&] {
    const auto other = connect(member_);
    for (int i = 0; !over; ++i) must(other->commit({{}, {put("k/0" + std::to_string(i), "new")}}));
  });
  const auto before = steady_clock::now();
  const Snapshot snapshot = must(store->read("k/"));
  const auto took = std::chrono::duration_cast<milliseconds>(steady_clock::now() - before);
  over = true;
  writer.join();
  RecordProperty("read_ms", static_cast<int>(took.count()));
  EXPECT_LT(took, seconds{5});
  EXPECT_GE(snapshot.items.size(), kKeys);
  for (std::size_t i = 1; i < snapshot.items.size(); ++i) {
    ASSERT_LT(snapshot.items[i - 1].key, snapshot.items[i].key);
    ASSERT_LE(snapshot.items[i].modified, snapshot.revision);
  }
}

TEST_F(Etcd, TellsLargeTransactionsInFragments) {
  const auto store = connect(member_);
  const Revision start = must(store->commit({{}, {put("w/0", "")}})).revision;
  const auto watch = must(store->watch("w/", start));
  Transaction large;
  for (int i = 0; i < 14; ++i)
    large.writes.push_back(put("w/" + std::to_string(100 + i), std::string(100'000, 'x')));
  for (int round = 0; round < 5; ++round) must(store->commit(large));
  EXPECT_EQ(events_until(*watch, 70).size(), 70U);
}

TEST_F(Etcd, RefusesAValueThatIsTooLarge) {
  const auto store = connect(member_);
  const auto result = store->commit({{}, {put("large", std::string(2 << 20, 'x'))}});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, Errc::usage) << result.error().message;
}

// "It has been written once" is no fence: that is true of each life of a key. etcdctl plays a driver
// that guards with VERSION, next to ours.
TEST_F(Etcd, AGuardOnTheVersionWouldLetAStaleWriterThrough) {
  const auto store = connect(member_);
  const Revision mine = must(store->commit({{}, {put("lock", "me")}})).revision;
  must(store->commit({{}, {erase("lock")}}));
  must(store->commit({{}, {put("lock", "you")}}));
  const std::string wrong = R"(printf 'version("team/a/lock") = "1"\n\nput team/a/out stale\n\n\n' | )";
  const Ran ran = run_shell(wrong + "ETCDCTL_API=3 etcdctl --endpoints=" + member_.url() + " txn");
  ASSERT_TRUE(ran.ok) << ran.out;
  EXPECT_EQ(must(store->get("out"))->value, "stale");
  EXPECT_FALSE(
      must(store->commit({{{Guard::Kind::same_life, "lock", mine}}, {put("out", "staler")}})).committed);
  EXPECT_EQ(must(store->get("out"))->value, "stale");
}

TEST_F(Etcd, APausedServerCostsABoundedTime) {
  const auto store = connect(member_);
  const Revision start = must(store->commit({{}, {put("a", "1")}})).revision;
  auto session = must(store->open_session(seconds{30}));
  auto watch = must(store->watch("", start));
  member_.server().pause();
  EXPECT_EQ(timely([&] { return store->read(""); }).error().code, Errc::unreachable);
  EXPECT_EQ(timely([&] { return store->open_session(seconds{5}); }).error().code, Errc::unreachable);
  EXPECT_EQ(timely([&] { return session->keep_alive(); }).error().code, Errc::unreachable);
  const auto before = steady_clock::now();
  EXPECT_TRUE(must(watch->next(milliseconds{300})).events.empty());
  EXPECT_LT(steady_clock::now() - before, milliseconds{1000});
  timely([&] { return watch.reset(), 0; });
  timely([&] { return session.reset(), 0; });
  member_.server().resume();
  EXPECT_EQ(must(store->get("a"))->value, "1");
}

TEST_F(Etcd, AWriteThatIsNotAnsweredIsInDoubt) {
  const auto store = connect(member_);
  must(store->commit({{}, {put("a", "1")}}));
  member_.server().pause();
  const auto lost = timely([&] { return store->commit({{}, {put("a", "2")}}); });
  EXPECT_EQ(lost.error().code, Errc::in_doubt);
  EXPECT_NE(lost.error().message.find(member_.host()), std::string::npos) << lost.error().message;
  // No connection is made to a server that says nothing, so this was never sent.
  const auto other = connect(member_);
  EXPECT_EQ(timely([&] { return other->commit({{}, {put("a", "3")}}); }).error().code, Errc::unreachable);
  member_.server().resume();
  EXPECT_NE(must(store->get("a"))->value, "3");
  EXPECT_TRUE(must(store->commit({{}, {put("a", "4")}})).committed);
}

TEST_F(Etcd, AServerThatComesBackIsUsedAgain) {
  const auto store = connect(member_, seconds{5});
  const Revision start = must(store->commit({{}, {put("w/a", "1")}})).revision;
  const auto watch = must(store->watch("w/", start));
  must(store->commit({{}, {put("w/a", "2")}}));
  member_.server().stop();
  const auto down = store->read("");
  ASSERT_FALSE(down.ok());
  EXPECT_EQ(down.error().code, Errc::unreachable);
  member_.server().start();
  ASSERT_TRUE(member_.wait());
  ASSERT_TRUE(member_.ctl("put team/a/w/a 3").ok);
  EXPECT_TRUE(must(store->commit({{}, {put("w/a", "4")}})).committed);
  const auto events = events_until(*watch, 3);
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].value, "2");
  EXPECT_EQ(events[1].value, "3");
  EXPECT_EQ(events[2].value, "4");
}

TEST_F(Etcd, AWatchSaysThatItsServerIsGone) {
  const auto store = connect(member_);
  const auto watch = must(store->watch("", must(store->commit({{}, {put("a", "1")}})).revision));
  member_.server().stop(SIGKILL);
  const auto before = steady_clock::now();
  const auto batch = watch->next(seconds{20});
  ASSERT_FALSE(batch.ok());
  EXPECT_EQ(batch.error().code, Errc::unreachable);
  EXPECT_LT(steady_clock::now() - before, seconds{5});
}

TEST_F(Etcd, CompactionWhileAwayIsAReset) {
  const auto store = connect(member_, seconds{5});
  const auto watch = must(store->watch("w/", must(store->commit({{}, {put("w/a", "1")}})).revision));
  member_.server().stop();
  member_.server().start();
  ASSERT_TRUE(member_.wait());
  ASSERT_TRUE(member_.ctl("put team/a/w/a 2").ok);
  const Revision last = must(store->commit({{}, {put("w/a", "3")}})).revision;
  ASSERT_TRUE(member_.ctl("compact " + std::to_string(last)).ok);
  WatchBatch batch = must(watch->next(seconds{5}));
  EXPECT_TRUE(batch.reset);
  EXPECT_TRUE(must(watch->next(seconds{5})).reset) << "it can't be mended";
}

TEST_F(Etcd, GrpcIsQuiet) {
  ::testing::internal::CaptureStderr();
  const auto store = connect_to_port(free_port());
  EXPECT_FALSE(store->read("").ok());
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(EtcdFalse, NobodyListens) {
  const auto store = connect_to_port(free_port());
  for (const Errc code : {timely([&] { return store->read(""); }).error().code,
                          timely([&] {
                            return store->commit({{}, {put("a", "1")}});
                          })
                              .error()
                              .code,
                          timely([&] { return store->open_session(seconds{5}); }).error().code,
                          timely([&] { return store->watch("", 1); }).error().code}) {
    EXPECT_EQ(code, Errc::unreachable);
  }
  EXPECT_NE(store->read("").error().message.find("Connection refused"), std::string::npos)
      << store->read("").error().message;
}

TEST(EtcdFalse, SaysNothingOrHalf) {
  for (const std::string& says : {std::string(), std::string("\0\0\6", 3)}) {
    const FalseServer server(says);
    const auto store = connect_to_port(server.port());
    EXPECT_EQ(timely([&] { return store->read(""); }).error().code, Errc::unreachable);
    EXPECT_EQ(timely([&] { return store->commit({{}, {put("a", "1")}}); }).error().code, Errc::unreachable);
    EXPECT_EQ(timely([&] { return store->watch("", 1); }).error().code, Errc::unreachable);
  }
}

TEST(EtcdFalse, SpeaksHttp1) {
  const FalseServer server("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  const auto result = timely([&] { return connect_to_port(server.port())->read(""); });
  EXPECT_EQ(result.error().code, Errc::unreachable);
  EXPECT_NE(result.error().hint.find("HTTP/1.1"), std::string::npos)
      << result.error().message << " / " << result.error().hint;
}

}  // namespace

}  // namespace ovl::test
