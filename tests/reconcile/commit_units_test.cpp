// How an apply's writes are packed into transactions.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "drivers/fake/fake_keystore.hpp"
#include "reconcile/cluster/execute_records.hpp"

namespace ovl {

namespace {

const StoreLayout& layout() {
  static const StoreLayout layout(Label::parse("demo").value());
  return layout;
}

std::vector<Unit> units(int count) {
  std::vector<Unit> out;
  for (int i = 0; i < count; ++i) {
    const std::string key = fmt::format("{}endpoints/{}", layout().root(), i);
    out.push_back(
        {.guards = {{.kind = Guard::Kind::absent, .key = key}}, .writes = {{.key = key, .value = "x"}}});
  }
  return out;
}

std::size_t calls_of(const FakeStore& store, std::string_view method) {
  std::size_t count = 0;
  for (const KeystoreCall& call : store.calls()) count += call.method == method ? 1 : 0;
  return count;
}

// Commits so many units; answers how many transactions and renewals that took.
std::pair<std::size_t, std::size_t> calls_for(int count, std::size_t max_operations,
                                              std::chrono::seconds ttl) {
  FakeStore store;
  const auto client = store.connect("fake://", max_operations);
  auto lock = StoreLock::acquire(*client, layout(), {.who = "root@here"}, {.ttl = ttl});
  EXPECT_TRUE(lock.ok());
  const std::size_t before = calls_of(store, "commit");
  EXPECT_TRUE(commit_units(*client, units(count), lock.value()).ok());
  EXPECT_EQ(client->read(layout().root() + "endpoints/").value().items.size(),
            static_cast<std::size_t>(count));
  return {calls_of(store, "commit") - before, calls_of(store, "keep_alive")};
}

TEST(CommitUnits, AreAsManyTransactionsAsTheStoreNeeds) {
  // A unit is two operations here, and one is the fence.
  EXPECT_EQ(calls_for(50, 101, std::chrono::seconds{60}).first, 1U);
  EXPECT_EQ(calls_for(51, 101, std::chrono::seconds{60}).first, 2U);
  EXPECT_EQ(calls_for(100, 11, std::chrono::seconds{60}).first, 20U);
}

TEST(CommitUnits, TheLockIsRenewedWhenAThirdOfItsTimeHasPassed) {
  EXPECT_EQ(calls_for(100, 11, std::chrono::seconds{60}).second, 0U);
  // A third of a second, in whole seconds: each time.
  EXPECT_EQ(calls_for(100, 11, std::chrono::seconds{1}).second, 20U);
}

TEST(CommitUnits, TellHowManyAreWritten) {
  FakeStore store;
  const auto client = store.connect("fake://", 11);  // five units each time
  auto lock = StoreLock::acquire(*client, layout(), {.who = "root@here"}, {});
  ASSERT_TRUE(lock.ok());
  std::vector<std::string> told;
  const Progress progress{[&](const StepProgress& now) {
    told.push_back(fmt::format("{} {} {}/{}", static_cast<int>(now.phase), now.step, now.done, now.total));
  }};
  EXPECT_TRUE(commit_units(*client, units(12), lock.value(), progress).ok());
  EXPECT_EQ(told, (std::vector<std::string>{"0 write records 0/12", "1 write records 5/12",
                                            "1 write records 10/12", "2 write records 12/12"}));
}

}  // namespace

}  // namespace ovl
