// The keystore's driver in a lab: several processes on several hosts write to one database.
#include "drivers/keystore/keystore.hpp"

#include "tests/lab/lab_fixture.hpp"

namespace ovl::test {

namespace {

constexpr int kProcesses = 4;
constexpr int kIncrements = 25;

std::unique_ptr<Keystore> open_store() {
  return must(open_keystore(KeystoreOptions{.url = "sqlite:///var/lib/ovl/keystore.db",
                                            .timeout = std::chrono::milliseconds(60'000)}));
}

// Adds one to the counter unless somebody else did so meanwhile.
bool try_increment(Keystore& store) {
  const auto before = must(store.get("counter"));
  Transaction add;
  add.guards = {before
                    ? Guard{.kind = Guard::Kind::unmodified, .key = "counter", .revision = before->modified}
                    : Guard{.kind = Guard::Kind::absent, .key = "counter"}};
  add.writes = {Write{.key = "counter", .value = std::to_string(before ? std::stoi(before->value) + 1 : 1)}};
  return must(store.commit(add)).committed;
}

void increment_often() {
  const auto store = open_store();
  for (int done = 0; done < kIncrements;) done += try_increment(*store) ? 1 : 0;
}

TEST_F(LabTest, HostsWriteToOneKeystoreAtOnce) {
  expect_up("/lab", two_hosts());
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    children.push_back(start_inside("/lab", i % 2 == 0 ? "alpha" : "beta", increment_often));
  }
  for (const pid_t child : children) EXPECT_TRUE(child_succeeded(child));
  const pid_t reader = start_inside("/lab", "beta", [] {
    EXPECT_EQ(must(open_store()->get("counter"))->value, std::to_string(kProcesses * kIncrements));
  });
  EXPECT_TRUE(child_succeeded(reader));
}

// Each open and close by turns: SQLite removes the log when the last connection closes, and here can't.
TEST_F(LabTest, HostsTakeTurnsOnOneKeystore) {
  expect_up("/lab", two_hosts());
  for (int i = 0; i < 6; ++i) {
    EXPECT_TRUE(child_succeeded(start_inside("/lab", i % 2 == 0 ? "alpha" : "beta",
                                             [] { EXPECT_TRUE(try_increment(*open_store())); })));
  }
  EXPECT_TRUE(child_succeeded(
      start_inside("/lab", "alpha", [] { EXPECT_EQ(must(open_store()->get("counter"))->value, "6"); })));
}

TEST_F(LabTest, AWriterKilledOnOneHostBlocksNobody) {
  expect_up("/lab", two_hosts());
  for (int round = 0; round < 5; ++round) {
    const Signal wrote;
    const pid_t writer = start_inside("/lab", "alpha", [&] {
      const auto store = open_store();
      (void)try_increment(*store);
      wrote.send();
      while (true) (void)try_increment(*store);
    });
    wrote.wait();
    ASSERT_EQ(kill(writer, SIGKILL), 0);
    (void)wait_for(writer);
    EXPECT_TRUE(
        child_succeeded(start_inside("/lab", "beta", [] { EXPECT_TRUE(try_increment(*open_store())); })));
  }
}

}  // namespace

}  // namespace ovl::test
