// Whoever follows a store by its watch has what it holds: through writes, sessions that end, a history
// that is forgotten, and servers that start again.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <random>

#include "tests/keystore/store_under_test.hpp"
#include "tests/stores/own_server.hpp"

namespace ovl::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using Tree = std::map<std::string, std::string>;

constexpr int kHistories = 2000;
constexpr unsigned kRestarts = 3;
constexpr int kWorkers = 8;
constexpr seconds kQuiet{2};

Tree tree_of(const Snapshot& snapshot) {
  Tree tree;
  for (const KeyValue& item : snapshot.items) tree[item.key] = item.value;
  return tree;
}

// Reads, watches, and reads anew when it is told to: as the port wants it.
class Mirror {
 public:
  using Connect = std::function<std::unique_ptr<Keystore>()>;

  Mirror(Connect connect, std::string prefix)
      : connect_(std::move(connect)), prefix_(std::move(prefix)), thread_([this] { run(); }) {}

  Mirror(const Mirror&) = delete;
  Mirror& operator=(const Mirror&) = delete;

  ~Mirror() {
    over_ = true;
    look_again();
    thread_.join();
  }

  // Looks away, until look_again(): it then goes on where it was, with another client.
  void look_away() {
    std::unique_lock lock(mutex_);
    away_ = true;
    changed_.wait(lock, [&] { return is_away_; });
  }

  void look_again() {
    const std::lock_guard lock(mutex_);
    away_ = false;
    changed_.notify_all();
  }

  // Waits until it is that tree.
  bool becomes(const Tree& wanted, seconds limit) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [&] { return tree_ == wanted; });
  }

  Tree tree() {
    const std::lock_guard lock(mutex_);
    return tree_;
  }

  [[nodiscard]] int resets() const { return resets_; }

  [[nodiscard]] int failures() const { return failures_; }

 private:
  enum class End { reset, away, failed };

  void run() {
    auto store = connect_();
    bool reads = true;
    while (!over_) {
      const auto snapshot = reads ? store->read(prefix_) : Result<Snapshot>(Snapshot{.revision = seen_});
      if (reads && snapshot.ok()) set(snapshot.value());
      const End end = snapshot.ok() ? follow(*store) : End::failed;
      if (over_) return;
      reads = end != End::away;
      if (end == End::reset) ++resets_;
      if (end == End::failed) ++failures_;
      if (end != End::away) continue;
      store.reset();
      wait_until_wanted();
      store = connect_();
    }
  }

  End follow(Keystore& store) {
    const auto watch = store.watch(prefix_, seen_);
    while (watch.ok() && !over_) {
      if (is_wanted_away()) return End::away;
      const auto batch = watch.value()->next(milliseconds{100});
      if (!batch.ok()) return End::failed;
      if (batch.value().reset) return End::reset;
      seen_ = batch.value().revision;
      take(batch.value().events);
    }
    return End::failed;
  }

  bool is_wanted_away() {
    const std::lock_guard lock(mutex_);
    return away_;
  }

  void wait_until_wanted() {
    std::unique_lock lock(mutex_);
    is_away_ = true;
    changed_.notify_all();
    changed_.wait(lock, [&] { return !away_ || over_; });
    is_away_ = false;
  }

  void take(const std::vector<WatchEvent>& events) {
    const std::lock_guard lock(mutex_);
    for (const WatchEvent& event : events) {
      if (event.value) {
        tree_[event.key] = *event.value;
      } else {
        tree_.erase(event.key);
      }
    }
    changed_.notify_all();
  }

  void set(const Snapshot& snapshot) {
    const std::lock_guard lock(mutex_);
    seen_ = snapshot.revision;
    tree_ = tree_of(snapshot);
    changed_.notify_all();
  }

  Connect connect_;
  std::string prefix_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Tree tree_;  // under mutex_, as the following two
  bool away_ = false;
  bool is_away_ = false;
  Revision seen_ = 0;  // of the thread alone
  std::atomic<bool> over_ = false;
  std::atomic<int> resets_ = 0;
  std::atomic<int> failures_ = 0;
  std::thread thread_;
};

// What happens to one prefix, by two clients.
class History {
 public:
  using Step = void (History::*)();

  History(std::vector<Keystore*> clients, std::string prefix, unsigned seed)
      : clients_(std::move(clients)), prefix_(std::move(prefix)), random_(seed) {}

  // `disturb` happens once, `rest` some steps later.
  void run(const std::function<void()>& disturb, const std::function<void()>& rest) {
    const unsigned steps = 10 + any(21);
    const unsigned from = any(steps);
    const unsigned to = from + any(5);
    for (unsigned i = 0; i < steps; ++i) {
      if (i == from) disturb();
      step();
      if (i == to) rest();
    }
    if (to >= steps) rest();
    if (leased_) wait_for_expiry();
  }

 private:
  unsigned any(unsigned below) { return static_cast<unsigned>(random_() % below); }

  std::string key() { return prefix_ + std::string(1, static_cast<char>('a' + any(6))); }

  // Sent until the store has said yes or no: it may be starting.
  void commit(std::vector<Write> writes) {
    const Transaction transaction{.guards = {}, .writes = std::move(writes)};
    const auto deadline = steady_clock::now() + seconds{30};
    for (;;) {
      const auto result = clients_[any(static_cast<unsigned>(clients_.size()))]->commit(transaction);
      if (result.ok() || result.error().code == Errc::not_found) return;
      ASSERT_LT(steady_clock::now(), deadline) << result.error().message;
    }
  }

  void step() {
    const unsigned dice = any(100);
    if (dice < 50) return commit({put(key(), fmt::format("{}", random_()))});
    if (dice < 70) return commit({erase(key())});
    if (dice < 80) return commit({put(prefix_ + "m", fmt::format("{}", random_())), erase(prefix_ + "a")});
    if (dice < 90) return write_for_a_session();
    if (dice < 91) return write_for_a_session_that_expires();
    std::this_thread::sleep_for(milliseconds{any(30)});  // so that the mirror is at rest at times
  }

  // Bound to a session that ends here, by its close or without a word.
  void write_for_a_session() {
    const auto session = clients_[0]->open_session(seconds{30});
    if (!session.ok()) return;
    static_cast<void>(clients_[0]->commit({{}, {put(key(), "bound", session.value()->id())}}).ok());
    commit({put(key(), "meanwhile")});
    if (any(2) == 0) static_cast<void>(session.value()->close().ok());
  }

  void write_for_a_session_that_expires() {
    if (leased_) return;
    auto session = clients_[0]->open_session(seconds{1});
    if (!session.ok()) return;
    leased_ = std::move(session).value();
    static_cast<void>(clients_[0]->commit({{}, {put(prefix_ + "leased", "1", leased_->id())}}).ok());
  }

  void wait_for_expiry() {
    const auto deadline = steady_clock::now() + seconds{30};
    while (steady_clock::now() < deadline) {
      const auto snapshot = clients_[0]->read(prefix_ + "leased");
      if (!snapshot.ok()) continue;
      if (snapshot.value().items.empty()) return;
      const auto watch = clients_[0]->watch(prefix_ + "leased", snapshot.value().revision);
      if (watch.ok()) static_cast<void>(watch.value()->next(seconds{1}).ok());
    }
    ADD_FAILURE() << "a session did not end";
  }

  std::vector<Keystore*> clients_;
  std::string prefix_;
  std::mt19937 random_;
  std::unique_ptr<Session> leased_;
};

void expect_mirrored(Mirror& mirror, Keystore& store, const std::string& prefix) {
  const Tree wanted = tree_of(must(store.read(prefix)));
  if (mirror.becomes(wanted, kQuiet)) return;
  std::string text;
  for (const auto& [key, value] : wanted) text += fmt::format(" {}={}", key, value);
  text += "; mirrored:";
  for (const auto& [key, value] : mirror.tree()) text += fmt::format(" {}={}", key, value);
  ADD_FAILURE() << "stored:" << text;
}

class Mirrors : public ::testing::TestWithParam<DriverCase> {
 protected:
  void SetUp() override {
    under_test_ = GetParam().make();
    if (under_test_ == nullptr) GTEST_SKIP() << "no server; for consul run tools/fetch-consul build/servers";
    static_cast<void>(under_test_->connect());  // the server ends with the thread that starts it
  }

  // Forgets all changes so far. A revision that was forgotten can't be forgotten again.
  void forget(StoreUnderTest& under_test, Keystore& store) {
    const std::lock_guard lock(mutex_);
    const auto now = must(store.commit({{}, {put(under_test.root() + "w/now", "")}}));
    under_test.compact(now.revision);
  }

  std::unique_ptr<StoreUnderTest> new_root() {
    const std::lock_guard lock(mutex_);
    return GetParam().make();
  }

  void run_one(unsigned seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    const auto under_test = new_root();
    const auto writer = under_test->connect();
    const auto other = under_test->connect();
    const std::string prefix = under_test->root() + "w/";
    Mirror mirror([&] { return under_test->connect(); }, prefix);
    const bool looks_away = seed % 2 == 0;
    History(std::vector<Keystore*>{writer.get(), other.get()}, prefix, seed)
        .run(
            [&] {
              if (looks_away) mirror.look_away();
              if (seed % 3 == 0) forget(*under_test, *writer);
            },
            [&] {
              if (looks_away) mirror.look_again();
            });
    expect_mirrored(mirror, *writer, prefix);
    EXPECT_EQ(mirror.failures(), 0);
    resets_ += mirror.resets();
  }

  std::mutex mutex_;
  std::unique_ptr<StoreUnderTest> under_test_;
  std::atomic<int> resets_ = 0;
};

class MirrorsOverRestarts : public ::testing::TestWithParam<StoreKind> {};

}  // namespace

TEST_P(Mirrors, HaveWhatTheStoreHas) {
  const unsigned first = any_seed();
  const auto histories = static_cast<unsigned>(effort(kHistories, 60));
  std::atomic<unsigned> next = 0;
  std::vector<std::thread> workers;
  for (int i = 0; i < kWorkers; ++i) {
    workers.emplace_back([&] {
      for (unsigned at = next++; at < histories; at = next++) run_one(first + at);
    });
  }
  for (std::thread& worker : workers) worker.join();
  fmt::print("seeds from {}, {} histories, {} resets\n", first, histories, resets_.load());
}

TEST_P(MirrorsOverRestarts, HaveWhatTheStoreHas) {
  const auto server = GetParam().start();
  if (server == nullptr) GTEST_SKIP() << "no server; for consul run tools/fetch-consul build/servers";
  const unsigned first = any_seed();
  for (unsigned round = 0; round < kRestarts; ++round) {
    SCOPED_TRACE(fmt::format("seed {}", first + round));
    const auto writer = open_store(server->url(), seconds{2});
    const std::string prefix = fmt::format("restart/{}/", round);
    Mirror mirror([&] { return open_store(server->url(), seconds{2}); }, prefix);
    History({writer.get()}, prefix, first + round)
        .run(
            [&] {
              server->process().stop(SIGKILL);
              server->process().start();
            },
            [] {});
    ASSERT_TRUE(server->wait());
    expect_mirrored(mirror, *writer, prefix);
  }
}

// Its revisions go back while it is watched.
TEST_P(MirrorsOverRestarts, HaveWhatAnOlderCopyHas) {
  const auto server = GetParam().start();
  if (server == nullptr) GTEST_SKIP() << "no server; for consul run tools/fetch-consul build/servers";
  const auto writer = open_store(server->url());
  const std::string prefix = "copy/";
  must(writer->commit({{}, {put("copy/a", "kept"), put("copy/b", "kept")}}));
  if (!server->keep_copy()) GTEST_SKIP() << "only Consul brings back a copy in mid-flight";
  Mirror mirror([&] { return open_store(server->url(), seconds{2}); }, prefix);
  for (int i = 0; i < 20; ++i) must(writer->commit({{}, {put("copy/a", std::to_string(i))}}));
  must(writer->commit({{}, {erase("copy/b"), put("copy/c", "later")}}));
  expect_mirrored(mirror, *writer, prefix);
  server->bring_back_copy();
  expect_mirrored(mirror, *writer, prefix);
  EXPECT_EQ(mirror.tree(), (Tree{{"copy/a", "kept"}, {"copy/b", "kept"}}));
  EXPECT_GE(mirror.resets(), 1);
  must(writer->commit({{}, {put("copy/a", "again")}}));
  expect_mirrored(mirror, *writer, prefix);
}

INSTANTIATE_TEST_SUITE_P(Faults, Mirrors, ::testing::ValuesIn(drivers()),
                         [](const auto& driver) { return driver.param.name; });
INSTANTIATE_TEST_SUITE_P(Faults, MirrorsOverRestarts, ::testing::ValuesIn(store_kinds()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace ovl::test
