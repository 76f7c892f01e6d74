// The ZooKeeper driver and servers that stop, die, or lose an answer.
#include <poll.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <thread>

#include "tests/keystore/store_under_test.hpp"
#include "tests/stores/zookeeper_server.hpp"

namespace ovl::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

KeystoreOptions options_of(const std::string& address, milliseconds timeout) {
  return {
      .url = fmt::format("zk://{}/faults", address), .timeout = timeout, .driver_directory = OVL_DRIVER_DIR};
}

std::unique_ptr<Keystore> open(const std::string& address, milliseconds timeout = seconds{10}) {
  return must(open_keystore(options_of(address, timeout)));
}

template <class Call>
Errc bounded(milliseconds timeout, const Call& call) {
  const auto before = steady_clock::now();
  const auto result = call();
  EXPECT_LT(steady_clock::now() - before, timeout + seconds{2});
  return result.ok() ? Errc::bug : result.error().code;
}

int listen_on(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(fd, 16) != 0) {
    std::abort();
  }
  return fd;
}

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) std::abort();
  return fd;
}

// Between a client and a server: loses the connection as soon as it has passed a transaction on.
class LossyProxy {
 public:
  explicit LossyProxy(std::uint16_t server) : server_(server), listening_(listen_on(port_)) {}

  LossyProxy(const LossyProxy&) = delete;
  LossyProxy& operator=(const LossyProxy&) = delete;

  ~LossyProxy() {
    over_ = true;
    thread_.join();
    ::close(listening_);
  }

  void lose_next() { lose_ = true; }

  [[nodiscard]] std::string address() const { return fmt::format("127.0.0.1:{}", port_); }

 private:
  void run() {
    while (!over_) {
      pollfd waiting{.fd = listening_, .events = POLLIN, .revents = 0};
      if (::poll(&waiting, 1, 20) <= 0) continue;
      const int client = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
      const int server = connect_to(server_);
      serve(client, server);
      ::close(client);
      ::close(server);
    }
  }

  void serve(int client, int server) {
    std::array<pollfd, 2> ends{{{client, POLLIN, 0}, {server, POLLIN, 0}}};
    std::array<char, 65536> bytes{};
    std::string sent;
    while (!over_) {
      if (::poll(ends.data(), 2, 20) <= 0) continue;
      for (std::size_t i = 0; i < 2; ++i) {
        if (ends[i].revents == 0) continue;
        const ssize_t got = ::recv(ends[i].fd, bytes.data(), bytes.size(), 0);
        if (got <= 0) return;
        if (::send(ends[1 - i].fd, bytes.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL) != got) return;
        if (i == 1) continue;
        sent.append(bytes.data(), static_cast<std::size_t>(got));
        if (take_multi(sent) && lose_.exchange(false)) return lose(server);
      }
    }
  }

  // Removes the whole packets from the front; true when one is a multi. A packet is its length, a
  // number, and a type, which is 14 then (ZooDefs.OpCode).
  static bool take_multi(std::string& sent) {
    bool found = false;
    while (sent.size() >= 4) {
      std::size_t size = 4;
      for (std::size_t i = 0; i < 4; ++i)
        size += std::size_t{static_cast<unsigned char>(sent[i])} << (24 - 8 * i);
      if (sent.size() < size) break;
      found = found || (size > 12 && sent[11] == 14);
      sent.erase(0, size);
    }
    return found;
  }

  // Once the server answers it has taken the write.
  static void lose(int server) {
    pollfd answer{.fd = server, .events = POLLIN, .revents = 0};
    ::poll(&answer, 1, 5000);
  }

  std::uint16_t server_;
  std::uint16_t port_ = free_port();
  int listening_;
  std::atomic<bool> over_ = false;
  std::atomic<bool> lose_ = false;
  std::thread thread_{[this] { run(); }};
};

TEST(ZookeeperFaults, APausedServerHoldsNobodyUp) {
  constexpr milliseconds kTimeout{1000};
  ZookeeperServer server;
  ASSERT_TRUE(server.wait_until_ready());
  {
    const auto store = open(server.address(), kTimeout);
    must(store->commit({{}, {put("a", "1")}}));
    const auto session = must(store->open_session(seconds{30}));
    must(store->commit({{}, {put("s", "1", session->id())}}));
    const auto watch = must(store->watch("", 0));
    server.process().pause();
    EXPECT_EQ(bounded(kTimeout, [&] { return store->read(""); }), Errc::unreachable);
    EXPECT_EQ(bounded(kTimeout, [&] { return store->get("a"); }), Errc::unreachable);
    EXPECT_EQ(bounded(kTimeout, [&] { return watch->next(milliseconds{0}); }), Errc::unreachable);
    EXPECT_EQ(bounded(kTimeout, [&] { return session->keep_alive(); }), Errc::unreachable);
    EXPECT_EQ(bounded(kTimeout, [&] { return store->open_session(seconds{5}); }), Errc::unreachable);
    EXPECT_EQ(bounded(kTimeout, [&] { return open_keystore(options_of(server.address(), kTimeout)); }),
              Errc::unreachable);
    EXPECT_EQ(bounded(kTimeout, [&] { return store->commit({{}, {put("a", "2")}}); }), Errc::unreachable);
    EXPECT_EQ(bounded(kTimeout, [&] { return session->close(); }), Errc::unreachable);
  }
  server.process().resume();
  EXPECT_EQ(must(open(server.address())->get("a"))->value, "1");
}

TEST(ZookeeperFaults, ClosedAndSilentPortsAreUnreachable) {
  constexpr milliseconds kTimeout{500};
  const auto call = [kTimeout](const std::string& address) {
    return open_keystore(options_of(address, kTimeout));
  };
  EXPECT_EQ(bounded(kTimeout, [&] { return call(fmt::format("127.0.0.1:{}", free_port())); }),
            Errc::unreachable);
  const std::uint16_t port = free_port();
  const int silent = listen_on(port);
  EXPECT_EQ(bounded(kTimeout, [&] { return call(fmt::format("127.0.0.1:{}", port)); }), Errc::unreachable);
  ::close(silent);
}

TEST(ZookeeperFaults, OpensPastDeadMembers) {
  const std::string dead = fmt::format("127.0.0.1:{},127.0.0.1:{}", free_port(), free_port());
  for (int i = 0; i < 200; ++i) {
    const auto store = open_keystore(options_of(dead + "," + shared_zookeeper().address(), seconds{10}));
    ASSERT_TRUE(store.ok()) << "at " << i << ": " << store.error().message;
  }
}

TEST(ZookeeperFaults, AfterARestartAllGoesOn) {
  ZookeeperServer server;
  ASSERT_TRUE(server.wait_until_ready());
  const auto store = open(server.address());
  const Revision start = must(store->commit({{}, {put("w/a", "1")}})).revision;
  const auto watch = must(store->watch("w/", start));
  EXPECT_TRUE(must(watch->next(milliseconds{0})).events.empty());
  server.process().stop(SIGKILL);
  server.process().start();
  EXPECT_EQ(must(store->get("w/a"))->value, "1");
  must(store->commit({{}, {put("w/a", "2")}}));
  const WatchBatch batch = must(watch->next(seconds{10}));
  EXPECT_FALSE(batch.reset);
  ASSERT_EQ(batch.events.size(), 1U);
  EXPECT_EQ(batch.events[0].value, "2");
}

// A process that slept past its sessions' ends: its lease is gone, its other calls go on.
TEST(ZookeeperFaults, AProcessThatSleptTooLong) {
  const std::string address = shared_zookeeper().address();
  const Signal ready;
  const Signal go;
  const pid_t child = fork_child([&] {
    const auto store = open(address, milliseconds{1000});
    const auto session = must(store->open_session(seconds{1}));
    const Revision mine = must(store->commit({{}, {put("slept/mine", "1", session->id())}})).revision;
    const auto watch = must(store->watch("slept/", mine));
    EXPECT_TRUE(must(watch->next(milliseconds{0})).events.empty());
    ready.send();
    go.wait();
    const Status renewed = session->keep_alive();
    EXPECT_TRUE(!renewed.ok() && renewed.error().code == Errc::not_found);
    const auto late = store->commit({{}, {put("slept/late", "1", session->id())}});
    EXPECT_FALSE(late.ok());
    EXPECT_FALSE(
        must(store->commit({{{Guard::Kind::same_life, "slept/mine", mine}}, {put("a", "1")}})).committed);
    std::vector<std::string> seen;
    while (seen.size() < 2) {
      const WatchBatch batch = must(watch->next(seconds{5}));
      EXPECT_FALSE(batch.reset);
      if (batch.events.empty()) break;
      for (const WatchEvent& event : batch.events) seen.push_back(event.key);
    }
    std::ranges::sort(seen);
    EXPECT_EQ(seen, (std::vector<std::string>{"slept/mine", "slept/other"}));
  });
  ready.wait();
  ::kill(child, SIGSTOP);
  const auto store = open(address);
  const Revision now = must(store->commit({{}, {put("slept/other", "1")}})).revision;
  const auto watch = must(store->watch("slept/", now));
  for (int waits = 0; waits < 20 && must(store->get("slept/mine")).has_value(); ++waits) {
    must(watch->next(seconds{1}));
  }
  EXPECT_FALSE(must(store->get("slept/mine")).has_value());
  ::kill(child, SIGCONT);
  go.send();
  EXPECT_TRUE(child_succeeded(child));
}

TEST(ZookeeperFaults, ALostAnswerIsInDoubt) {
  ZookeeperServer& server = shared_zookeeper();
  LossyProxy proxy(server.port());
  const auto store = open(proxy.address());
  must(store->commit({{}, {put("doubt", "1")}}));
  proxy.lose_next();
  const auto result = store->commit({{}, {put("doubt", "2")}});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, Errc::in_doubt);
  EXPECT_EQ(must(store->get("doubt"))->value, "2");
}

TEST(ZookeeperEnsemble, SurvivesItsLeader) {
  std::string members;
  std::array<std::uint16_t, 3> ports{};
  for (std::size_t i = 0; i < ports.size(); ++i) {
    ports[i] = free_port();
    members += fmt::format("server.{}=127.0.0.1:{}:{}\n", i + 1, free_port(), free_port());
  }
  std::vector<std::unique_ptr<ZookeeperServer>> servers;
  std::string addresses;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    servers.push_back(std::make_unique<ZookeeperServer>(members, static_cast<int>(i) + 1, ports[i]));
    addresses += (i == 0 ? "" : ",") + servers.back()->address();
  }
  for (const auto& server : servers) ASSERT_TRUE(server->wait_until_ready());
  const auto store = open(addresses, seconds{15});
  const Revision start = must(store->commit({{}, {put("a", "1")}})).revision;
  const auto watch = must(store->watch("a", start));
  for (const auto& server : servers) {
    // Each member answers with the last write, whichever it was given to.
    const auto other = open(server->address());
    must(store->commit({{}, {put("a", server->address())}}));
    EXPECT_EQ(must(other->get("a"))->value, server->address());
  }
  for (const auto& server : servers) {
    if (server->mode() == "leader") server->process().stop(SIGKILL);
  }
  const Revision after = must(store->commit({{}, {put("a", "2")}})).revision;
  EXPECT_GT(after, start);
  EXPECT_EQ(must(store->get("a"))->value, "2");
  std::vector<WatchEvent> events;
  while (events.size() < 4) {
    WatchBatch batch = must(watch->next(seconds{10}));
    ASSERT_FALSE(batch.reset);
    ASSERT_FALSE(batch.events.empty());
    std::ranges::move(batch.events, std::back_inserter(events));
  }
  EXPECT_EQ(events.back().value, "2");
}

}  // namespace

}  // namespace ovl::test
