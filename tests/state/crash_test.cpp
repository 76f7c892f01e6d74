// Killed at any moment: nothing that was acknowledged is lost, and the file opens again.
#include <algorithm>
#include <array>
#include <csignal>
#include <random>

#include "state/state.hpp"
#include "tests/support/process.hpp"

namespace ovl::test {

namespace {

// A writer that tells its parent each step it was told is done. Each step is one row and one journal
// entry, and removes the row of two steps before.
void write_until_killed(const StateOptions& options, int first, int pipe_end) {
  auto state = must(State::open(options));
  for (int step = first;; ++step) {
    const std::int64_t entry = must(state.begin("apply", std::to_string(step), 1));
    const std::vector<OwnedObject> one{{{NetnsName(), "step", std::to_string(step)}, std::string(700, 'x')}};
    const std::vector<OwnedKey> gone{{NetnsName(), "step", std::to_string(step - 2)}};
    must(state.record(one, gone));
    must(state.end(entry, nullptr));
    if (::write(pipe_end, &step, sizeof(step)) != sizeof(step)) return;
  }
}

// Reads what the child said until `count` steps are done, kills it, and answers the last it said.
int kill_after(pid_t child, int pipe_end, int count, useconds_t more) {
  int last = 0;
  for (int i = 0; i < count; ++i) EXPECT_EQ(::read(pipe_end, &last, sizeof(last)), sizeof(last));
  // Not a wait for an event: the point is to hit any instruction between two of them.
  ::usleep(more);
  EXPECT_EQ(::kill(child, SIGKILL), 0);
  wait_for(child);
  while (::read(pipe_end, &last, sizeof(last)) == sizeof(last)) {
  }
  return last;
}

// The state after step `done` was acknowledged; the next may have happened in part or whole.
void expect_whole(const StateOptions& options, int done) {
  auto state = must(State::open(options));
  const auto owned = must(state.owned());
  ASSERT_EQ(owned.size(), 2U);
  const auto has = [&](int step) {
    return std::ranges::any_of(owned,
                               [&](const OwnedObject& one) { return one.id.key == std::to_string(step); });
  };
  EXPECT_TRUE(has(done));
  EXPECT_TRUE(has(done - 1) != has(done + 1)) << "a step is whole or not at all";
  const auto dangling = must(state.dangling());
  ASSERT_LE(dangling.size(), 1U);
  for (const JournalEntry& entry : dangling) {
    EXPECT_EQ(entry.what, std::to_string(done + 1));
    must(state.end(entry.id, nullptr));
  }
}

TEST(StateCrash, KilledAtRandomMomentsItLosesNothing) {
  const TemporaryDirectory directory;
  const StateOptions options{.root = directory.path(), .cluster = must(Label::parse("demo"))};
  std::mt19937 random(20);
  int next = 100;
  {
    auto state = must(State::open(options));
    const std::vector<OwnedObject> start{{{NetnsName(), "step", "98"}, ""},
                                         {{NetnsName(), "step", "99"}, ""}};
    must(state.record(start, {}));
  }
  for (int round = 0; round < 60; ++round) {
    std::array<int, 2> told{};
    ASSERT_EQ(::pipe(told.data()), 0);
    const pid_t child = fork_child([&] { write_until_killed(options, next, told[1]); });
    ::close(told[1]);
    const int count = std::uniform_int_distribution<int>(1, 12)(random);
    const int last =
        kill_after(child, told[0], count, std::uniform_int_distribution<useconds_t>(0, 600)(random));
    ::close(told[0]);
    ASSERT_GE(last, next);
    ASSERT_NO_FATAL_FAILURE(expect_whole(options, last)) << "round " << round;
    // Begin again from a known place.
    auto state = must(State::open(options));
    std::vector<OwnedKey> all;
    for (const OwnedObject& one : must(state.owned())) all.push_back(one.id);
    next = last + 3;
    const std::vector<OwnedObject> start{{{NetnsName(), "step", std::to_string(next - 2)}, ""},
                                         {{NetnsName(), "step", std::to_string(next - 1)}, ""}};
    must(state.record(start, all));
  }
}

}  // namespace

}  // namespace ovl::test
