// A store that fails in the middle of an apply, at every call of it: the apply ends in time with the
// right error, it removes nothing from the kernel, and the next one finishes what it has begun.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>

#include "cmd/base/exit.hpp"
#include "tests/stores/applying.hpp"
#include "tests/stores/counting_keystore.hpp"
#include "tests/stores/fault_proxy.hpp"
#include "tests/stores/own_server.hpp"
#include "tests/stores/real_stores.hpp"

namespace ovl::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

// In a long run that of `ovl` itself.
milliseconds timeout() {
  return soaks() ? KeystoreOptions().timeout : milliseconds{1000};
}

// Of the whole apply.
milliseconds limit() {
  return timeout() + seconds{2};
}

// As an apply of a larger cluster: several transactions.
constexpr std::size_t kOperations = 12;
constexpr int kWorkers = 10;

struct FaultCase {
  std::string name;
  FaultProxy::Mode mode;
  bool lasting = true;
};

const std::vector<FaultCase>& fault_cases() {
  using Mode = FaultProxy::Mode;
  static const std::vector<FaultCase> cases{{"refuse", Mode::refuse}, {"silent", Mode::silent},
                                            {"deaf", Mode::deaf},     {"slow", Mode::slow},
                                            {"half", Mode::half},     {"lost", Mode::lost, false}};
  return cases;
}

// Everything that was there is there.
bool keeps_all(const HostObjects& before, const HostObjects& now) {
  const auto has_keys = [](const auto& had, const auto& has) {
    return std::ranges::all_of(had, [&](const auto& object) {
      return std::ranges::any_of(has, [&](const auto& other) { return other.key() == object.key(); });
    });
  };
  bool all = true;
  for (const NamespaceObjects& had : before.namespaces) {
    const NamespaceObjects* has = now.find(had.name);
    if (has == nullptr) return false;
    for_each_kind([&](auto member) { all = all && has_keys(had.*member, has->*member); });
  }
  return all;
}

// Every fault at every call, numbered. A short run has some faults at each call, and each fault at some
// calls.
std::vector<std::size_t> jobs_of(std::size_t calls) {
  const std::size_t stride = soaks() ? 1 : 4;
  const std::size_t cases = fault_cases().size();
  std::vector<std::size_t> jobs;
  for (std::size_t job = 0; job < calls * cases; ++job) {
    if ((job / cases + job % cases) % stride == 0) jobs.push_back(job);
  }
  return jobs;
}

// One cluster, applied once, whose host "a" now applies a larger manifest through a fault.
class FaultyApply {
 public:
  FaultyApply(Keystore& store, std::string url, std::string address)
      : store_(store), url_(std::move(url)), address_(std::move(address)) {
    must(apply_once(store_, {cluster_, "before"}, {.machine = &machine_}));
    must(apply_once(store_, {cluster_, "before"}, {.machine = &machine_}));
    objects_ = machine_.kernel().objects();
    EXPECT_FALSE(keeps_all(objects_, HostObjects())) << "there is nothing to lose";
  }

  // How many calls it made; `before` hears of each.
  std::size_t run(const std::function<void(std::size_t)>& before) {
    std::size_t calls = 0;
    const auto start = steady_clock::now();
    {
      const auto store =
          count_calls(open_store(url_, timeout()), {.before =
                                                        [&](std::size_t number, std::string_view call) {
                                                          ++calls;
                                                          last_ = call;
                                                          before(number);
                                                        },
                                                    .max_operations = kOperations});
      result_ = apply_once(*store, wish_,
                           {.machine = &machine_, .lock_ttl = seconds{2}, .lock_out_patience = timeout()});
    }
    took_ = std::chrono::duration_cast<milliseconds>(steady_clock::now() - start);
    return calls;
  }

  void expect_clean_end(bool may_succeed) {
    EXPECT_LT(took_.count(), limit().count()) << "it went on for too long after " << last_;
    EXPECT_TRUE(keeps_all(objects_, machine_.kernel().objects()));
    if (result_->ok()) {
      EXPECT_TRUE(may_succeed) << "it did not notice";
      return;
    }
    const Error& error = result_->error();
    EXPECT_TRUE(error.code == Errc::unreachable || error.code == Errc::in_doubt)
        << exit_code(error.code) << ": " << error.message;
    EXPECT_EQ(exit_code(error.code), kExitUnreachable);
    EXPECT_NE(error.message.find(address_), std::string::npos) << error.message;
  }

  // A lock that was left is broken as its holder is dead, or runs out.
  void expect_next_converges(bool knows_it_is_dead) {
    ApplyOptions options{.machine = &machine_};
    if (knows_it_is_dead) options.holder_is_dead = [](const StoreLock::Holder&) { return true; };
    const auto next = apply_once(store_, wish_, options);
    ASSERT_TRUE(next.ok()) << next.error().message;
    expect_converged(store_, wish_, options);
    EXPECT_TRUE(keeps_all(objects_, machine_.kernel().objects()));
  }

  [[nodiscard]] milliseconds took() const { return took_; }

 private:
  Keystore& store_;
  std::string url_;
  std::string address_;
  std::string cluster_ = cluster_name("fault");
  Wish wish_{cluster_, "after", true};
  Machine machine_{cluster_};
  HostObjects objects_;
  std::optional<Result<Applied>> result_;
  milliseconds took_{};
  std::string last_;
};

class ApplyUnderFaults : public ::testing::TestWithParam<StoreKind> {
 protected:
  void SetUp() override {
    server_ = shared_server(GetParam());
    if (server_ == nullptr) GTEST_SKIP() << "no server; for consul run tools/fetch-consul build/servers";
    store_ = open_store(server_->url());
  }

  [[nodiscard]] std::string address() const { return fmt::format("127.0.0.1:{}", server_->port()); }

  // The calls of an apply that nothing happens to.
  std::size_t count_calls_of_apply() {
    FaultyApply apply(*store_, server_->url(), address());
    const std::size_t calls = apply.run([](std::size_t) {});
    apply.expect_clean_end(true);
    apply.expect_next_converges(false);
    return calls;
  }

  // One fault at one call. False: the apply never came to it.
  bool run_one(Keystore& store, const FaultCase& fault, std::size_t at) {
    SCOPED_TRACE(fmt::format("fault {} at call {}", fault.name, at));
    FaultProxy proxy(server_->port());
    FaultyApply apply(store, server_->url(proxy.port()), fmt::format("127.0.0.1:{}", proxy.port()));
    const std::size_t calls = apply.run([&](std::size_t number) {
      if (number == at) proxy.set(fault.mode);
    });
    const bool reached = calls > at;
    // The last call says goodbye: nothing waits for its answer.
    apply.expect_clean_end(!fault.lasting || !reached);
    apply.expect_next_converges(at % 2 == 0);
    note(fault, apply.took());
    return reached;
  }

  void note(const FaultCase& fault, milliseconds took) {
    const std::lock_guard lock(mutex_);
    longest_[fault.name] = std::max(longest_[fault.name], took);
  }

  OwnServer* server_ = nullptr;
  std::unique_ptr<Keystore> store_;
  std::mutex mutex_;
  std::map<std::string, milliseconds> longest_;
};

}  // namespace

TEST_P(ApplyUnderFaults, EndsInTimeAndIsFinishedByTheNext) {
  const std::size_t calls = count_calls_of_apply();
  const std::size_t cases = fault_cases().size();
  const std::vector<std::size_t> jobs = jobs_of(calls);
  std::atomic<std::size_t> next = 0;
  std::atomic<std::size_t> reached = 0;
  std::vector<std::thread> workers;
  for (int i = 0; i < kWorkers; ++i) {
    workers.emplace_back([&] {
      const auto store = open_store(server_->url());
      for (std::size_t turn = next++; turn < jobs.size(); turn = next++) {
        if (run_one(*store, fault_cases()[jobs[turn] % cases], jobs[turn] / cases)) ++reached;
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(reached, jobs.size());
  EXPECT_FALSE(run_one(*store_, fault_cases().front(), calls)) << "there are more calls than were tried";
  fmt::print("{} calls, {} runs; longest:", calls, reached.load());
  for (const auto& [name, took] : longest_) fmt::print(" {} {} ms", name, took.count());
  fmt::print("\n");
}

TEST_P(ApplyUnderFaults, TheServerDiesOrStopsInMidApply) {
  const std::size_t calls = count_calls_of_apply();
  const auto own = GetParam().start();
  const auto store = open_store(own->url());
  for (const bool dies : {true, false}) {
    for (const std::size_t at : {std::size_t{0}, calls / 3, calls / 2, calls - 3}) {
      SCOPED_TRACE(fmt::format("{} at call {}", dies ? "killed" : "stopped", at));
      FaultyApply apply(*store, own->url(), fmt::format("127.0.0.1:{}", own->port()));
      apply.run([&](std::size_t number) {
        if (number != at) return;
        if (dies) {
          own->process().stop(SIGKILL);
        } else {
          own->process().pause();
        }
      });
      apply.expect_clean_end(false);
      if (dies) {
        own->restart();
      } else {
        own->process().resume();
      }
      apply.expect_next_converges(at % 2 == 0);
    }
  }
}

// How much there is says nothing about whether the store answers: a read that takes longer than a call may
// goes on as long as it gets on.
TEST_P(ApplyUnderFaults, AReadIsAsLongAsItGetsOn) {
  constexpr int kKeys = 12'000;
  const std::string root = fresh_root();
  const std::string value(1000, 'v');
  for (int key = 0; key < kKeys;) {
    Transaction some;
    for (int i = 0; i < 50; ++i) some.writes.push_back(put(fmt::format("{}{}", root, key++), value));
    ASSERT_TRUE(must(store_->commit(some)).committed);
  }
  FaultProxy proxy(server_->port());
  constexpr milliseconds kShort{1500};
  const auto store = open_store(server_->url(proxy.port()), kShort);
  ASSERT_TRUE(store->get(root + "0").ok());
  proxy.set(FaultProxy::Mode::narrow);
  const auto before = steady_clock::now();
  const auto all = store->read(root);
  ASSERT_TRUE(all.ok()) << all.error().message;
  EXPECT_EQ(all.value().items.size(), std::size_t{kKeys});
  EXPECT_GT(steady_clock::now() - before, kShort) << "the network was not narrow enough to tell";
}

// Where each answer comes in its time, nothing ends for the sum of them: ZooKeeper is asked several times for
// the first write below a root.
TEST_P(ApplyUnderFaults, ACommitIsAsLongAsItsCallsAreAnswered) {
  FaultProxy proxy(server_->port());
  const auto store =
      open_store(server_->url(proxy.port()) + "/late/" + cluster_name("root"), milliseconds{3000});
  ASSERT_TRUE(store->read("late/").ok());
  proxy.set(FaultProxy::Mode::late);
  for (const char* key : {"one", "two"}) {
    const auto committed =
        store->commit({.guards = {}, .writes = {put(fmt::format("late/{}", key), "value")}});
    ASSERT_TRUE(committed.ok()) << committed.error().message;
    EXPECT_TRUE(committed.value().committed);
  }
  proxy.set(FaultProxy::Mode::pass);
  EXPECT_EQ(must(store->read("late/")).items.size(), 2U);
}

INSTANTIATE_TEST_SUITE_P(Faults, ApplyUnderFaults, ::testing::ValuesIn(store_kinds()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace ovl::test
