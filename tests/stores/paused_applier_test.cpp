// An applier that is stopped in mid-apply until its lock has run out, while another one applies: when
// it goes on it writes nothing more. Without its guards it would.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <spawn.h>

#include <atomic>
#include <csignal>
#include <sstream>

#include "cmd/base/exit.hpp"
#include "reconcile/cluster/transfer.hpp"
#include "tests/stores/applying.hpp"
#include "tests/stores/counting_keystore.hpp"
#include "tests/stores/own_server.hpp"

namespace ovl::test {

namespace {

using std::chrono::seconds;

const int kRounds = effort(50, 20);
constexpr int kControls = 5;
constexpr int kWorkers = 10;
constexpr const char* kTask = "OVL_TEST_APPLIER";
// As an apply of a larger cluster: several transactions.
constexpr std::size_t kOperations = 12;

// What the process of an applier is told: its store, its cluster, at which call after it got the lock
// it stops, and whether it keeps its guards.
struct Task {
  std::string url;
  std::string cluster;
  int stop_at = 0;
  bool drops_guards = false;

  [[nodiscard]] std::string text() const {
    return fmt::format("{} {} {} {}", url, cluster, stop_at, drops_guards ? 1 : 0);
  }
};

Task task_of(const std::string& text) {
  Task task;
  std::istringstream(text) >> task.url >> task.cluster >> task.stop_at >> task.drops_guards;
  return task;
}

bool takes_lock(const Transaction& transaction, const std::string& lock) {
  return transaction.writes.size() == 1 && transaction.writes[0].key == lock && transaction.writes[0].value;
}

// This program once more, as an applier: the libraries of the stores do not survive a fork.
class ApplierProcess {
 public:
  ApplierProcess(const Task& task, const std::string& log) {
    std::string filter = "--gtest_filter=ApplierProcess.DISABLED_Applies";
    std::string disabled = "--gtest_also_run_disabled_tests";
    std::string self = "/proc/self/exe";
    std::string told = fmt::format("{}={}", kTask, task.text());
    std::array<char*, 4> arguments{self.data(), filter.data(), disabled.data(), nullptr};
    std::vector<char*> environment;
    for (char** entry = environ; *entry != nullptr; ++entry) environment.push_back(*entry);
    environment.push_back(told.data());
    environment.push_back(nullptr);
    posix_spawn_file_actions_t files{};
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    if (::posix_spawn(&pid_, self.c_str(), &files, nullptr, arguments.data(), environment.data()) != 0) {
      std::abort();
    }
    posix_spawn_file_actions_destroy(&files);
  }

  ApplierProcess(const ApplierProcess&) = delete;
  ApplierProcess& operator=(const ApplierProcess&) = delete;

  ~ApplierProcess() {
    if (is_over_) return;
    ::kill(pid_, SIGKILL);
    wait_for(pid_);
  }

  // False: it has ended instead.
  bool wait_until_stopped() {
    const int status = wait(WUNTRACED);
    is_over_ = !WIFSTOPPED(status);
    return !is_over_;
  }

  // True: it ended as its test expects.
  bool go_on() {
    ::kill(pid_, SIGCONT);
    const int status = wait(0);
    is_over_ = true;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

 private:
  [[nodiscard]] int wait(int options) const {
    int status = 0;
    while (::waitpid(pid_, &status, options) < 0 && errno == EINTR) {
    }
    return status;
  }

  pid_t pid_ = -1;
  bool is_over_ = false;
};

class PausedApplier : public ::testing::TestWithParam<StoreKind> {
 protected:
  void SetUp() override {
    server_ = shared_server(GetParam());
    if (server_ == nullptr) GTEST_SKIP() << "no server; for consul run tools/fetch-consul build/servers";
  }

  // True when the tree is the second applier's, to the last revision, after the first one went on.
  bool holds(Keystore& store, int round, bool drops_guards) {
    const std::string cluster = cluster_name("paused");
    const StoreLayout layout(must(Label::parse(cluster)));
    must(apply_once(store, {cluster, "base"}));
    const std::string log = directory_.file(cluster);
    ApplierProcess first({server_->url(), cluster, round % 5, drops_guards}, log);
    // Without a stop its lock ran out on a busy machine, and it noticed.
    if (!first.wait_until_stopped()) return true;
    ++stopped_;
    wait_for_lock_to_go(store, layout);
    must(apply_once(store, {cluster, "second"}));
    const Snapshot before = must(store.read(layout.root()));
    EXPECT_TRUE(first.go_on()) << read_file(log);
    const Snapshot after = must(store.read(layout.root()));
    const StoreView view = view_of(after, layout);
    return same(before, after) && check_cluster_tree(view).empty();
  }

  static bool same(const Snapshot& a, const Snapshot& b) {
    return std::ranges::equal(a.items, b.items, [](const KeyValue& x, const KeyValue& y) {
      return x.key == y.key && x.value == y.value && x.created == y.created && x.modified == y.modified;
    });
  }

  static void wait_for_lock_to_go(Keystore& store, const StoreLayout& layout) {
    Snapshot there = must(store.read(layout.lock()));
    while (!there.items.empty()) {
      const auto watch = must(store.watch(layout.lock(), there.revision));
      must(watch->next(seconds{60}));
      there = must(store.read(layout.lock()));
    }
  }

  // How many of so many rounds hold.
  int run(int rounds, bool drops_guards) {
    std::atomic<int> next = 0;
    std::atomic<int> held = 0;
    std::vector<std::thread> workers;
    for (int i = 0; i < kWorkers; ++i) {
      workers.emplace_back([&] {
        const auto store = open_store(server_->url());
        for (int round = next++; round < rounds; round = next++) {
          if (holds(*store, round, drops_guards)) ++held;
        }
      });
    }
    for (std::thread& worker : workers) worker.join();
    return held;
  }

  OwnServer* server_ = nullptr;
  TemporaryDirectory directory_;
  std::atomic<int> stopped_ = 0;
};

}  // namespace

// Run by ApplierProcess alone.
TEST(ApplierProcess, DISABLED_Applies) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const char* told = std::getenv(kTask);
  ASSERT_NE(told, nullptr);
  const Task task = task_of(told);
  const std::string lock = StoreLayout(must(Label::parse(task.cluster))).lock();
  bool has_lock = false;
  int since = 0;
  const CallHooks hooks{
      .before =
          [&](std::size_t, std::string_view) {
            if (has_lock && since++ == task.stop_at) ::raise(SIGSTOP);
          },
      .committed =
          [&](const Transaction& transaction) { has_lock = has_lock || takes_lock(transaction, lock); },
      .drops_guards = task.drops_guards,
      .max_operations = kOperations};
  const auto store = count_calls(open_store(task.url), hooks);
  const auto applied = apply_once(*store, {task.cluster, "first", true}, {.lock_ttl = seconds{1}});
  if (task.drops_guards) return;
  ASSERT_FALSE(applied.ok()) << "it believes that it has applied";
  EXPECT_TRUE(applied.error().code == Errc::stale || applied.error().code == Errc::locked)
      << exit_code(applied.error().code) << ": " << applied.error().message;
}

TEST_P(PausedApplier, WritesNothingAfterItsLockRanOut) {
  EXPECT_EQ(run(kRounds, false), kRounds);
  EXPECT_GE(stopped_, kRounds * 9 / 10) << "too few were stopped with the lock in hand";
}

TEST_P(PausedApplier, WouldWriteWithoutItsGuards) {
  EXPECT_LT(run(kControls, true), kControls) << "the guards prove nothing";
}

INSTANTIATE_TEST_SUITE_P(Faults, PausedApplier, ::testing::ValuesIn(store_kinds()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace ovl::test
