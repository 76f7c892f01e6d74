// Three servers that lose their leader in the middle of an apply.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/stores/applying.hpp"
#include "tests/stores/counting_keystore.hpp"
#include "tests/stores/own_server.hpp"

namespace ovl::test {

namespace {

using std::chrono::seconds;

constexpr int kRounds = 100;
constexpr std::size_t kOperations = 12;

class LeaderLost : public ::testing::TestWithParam<StoreKind> {
 protected:
  void SetUp() override { three_ = GetParam().start_three(); }

  // The calls of an apply that nothing happens to.
  std::size_t count_calls_of_apply() {
    const std::string cluster = cluster_name("leader");
    std::size_t calls = 0;
    const auto store = counting(seconds{10}, [&](std::size_t) { ++calls; });
    must(apply_once(*store, {cluster, "one"}));
    calls = 0;
    must(apply_once(*store, {cluster, "two", true}));
    return calls;
  }

  std::unique_ptr<Keystore> counting(std::chrono::milliseconds timeout,
                                     const std::function<void(std::size_t)>& before) {
    return count_calls(open_store(three_->url(random_() % 3), timeout),
                       {.before = [before](std::size_t number, std::string_view) { before(number); },
                        .max_operations = kOperations});
  }

  // True: the apply got through all the same.
  bool run_round(std::size_t at) {
    const std::string cluster = cluster_name("leader");
    const Wish wish{cluster, "two", true};
    must(apply_once(*open_store(three_->url(0)), {cluster, "one"}));
    const std::size_t leads = three_->leader();
    const auto applied = [&] {
      // Enough for an election, or not.
      const std::chrono::milliseconds timeout{random_() % 2 == 0 ? 5000 : 400};
      const auto store = counting(timeout, [&](std::size_t number) {
        if (number == at) three_->process(leads).stop(SIGKILL);
      });
      return apply_once(*store, wish);
    }();
    if (!applied.ok()) {
      EXPECT_TRUE(applied.error().code == Errc::unreachable || applied.error().code == Errc::in_doubt)
          << applied.error().message;
    }
    const auto store = open_store(three_->url(0));
    const ApplyOptions knowing{.holder_is_dead = [](const StoreLock::Holder&) { return true; }};
    const auto next = apply_once(*store, wish, knowing);
    EXPECT_TRUE(next.ok()) << next.error().message;
    expect_converged(*store, wish);
    three_->process(leads).start();
    EXPECT_TRUE(three_->wait(leads));
    expect_converged(*open_store(three_->url(leads)), wish);
    return applied.ok();
  }

  std::unique_ptr<OwnEnsemble> three_;
  unsigned seed_ = any_seed();
  std::mt19937 random_{seed_};
};

}  // namespace

TEST_P(LeaderLost, InMidApplyTheNextOneConverges) {
  const std::size_t calls = count_calls_of_apply();
  int through = 0;
  const int rounds = effort(kRounds, 8);
  for (int round = 0; round < rounds; ++round) {
    const std::size_t at = random_() % calls;
    SCOPED_TRACE(fmt::format("seed {}, round {}, call {}", seed_, round, at));
    if (run_round(at)) ++through;
  }
  fmt::print("{} calls, {} of {} applies got through\n", calls, through, rounds);
}

INSTANTIATE_TEST_SUITE_P(Faults, LeaderLost, ::testing::ValuesIn([] {
                           std::vector<StoreKind> kinds = store_kinds();
                           std::erase_if(kinds, [](const StoreKind& kind) { return !kind.start_three; });
                           return kinds;
                         }()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace ovl::test
