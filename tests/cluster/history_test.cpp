// Who did what when, and who is at it now.
#include <gtest/gtest.h>

#include <fstream>

#include "drivers/keystore/sqlite/keystore.hpp"
#include "reconcile/cluster/execute_records.hpp"
#include "tests/cluster/lab_rig.hpp"
#include "tests/support/process.hpp"

namespace ovl {

namespace {

class Past : public ::testing::Test {
 protected:
  void write(const std::string& blocks) const {
    std::ofstream(directory_.file("ovl.toml")) << "[cluster]\nname = \"past\"\n[keystore]\nurl = \"sqlite://"
                                               << store() << "\"\n[host.left]\nadvertise = \"192.0.2.1\"\n"
                                               << blocks;
  }

  [[nodiscard]] std::string store() const { return directory_.file("keystore.db"); }

  [[nodiscard]] Ran ovl(const std::string& arguments) const {
    return shell("cd " + directory_.path() + " && " + OVL_BINARY + " " + arguments);
  }

  [[nodiscard]] Ran apply(const std::string& options = "") const {
    return ovl("apply --auto-approve --scope cluster " + options);
  }

  test::TemporaryDirectory directory_;
};

// Somebody elsewhere who holds the lock.
StoreLock lock_of_another(Keystore& store) {
  const StoreLock::Holder holder{
      .who = "ada@there", .host = "there", .boot = "b", .pid = 77, .since = 1'700'000'000};
  auto lock = StoreLock::acquire(store, StoreLayout(Label::parse("past").value()), holder, {});
  EXPECT_TRUE(lock.ok());
  return std::move(lock).value();
}

}  // namespace

TEST_F(Past, GenerationsSayWhoAndWhen) {
  write("");
  ASSERT_EQ(apply().code, 0);
  write("[network.one]\n");
  ASSERT_EQ(apply().code, 0);
  const Ran listed = ovl("history");
  EXPECT_EQ(listed.code, 0) << listed.out;
  EXPECT_NE(listed.out.find("\n2 "), std::string::npos) << listed.out;
  EXPECT_LT(listed.out.find("\n2 "), listed.out.find("\n1 ")) << "the newest is first";
  EXPECT_TRUE(listed.has("dir:past")) << listed.out;
  EXPECT_TRUE(listed.has(" UTC  root@")) << listed.out;
  EXPECT_TRUE(ovl("history --json").has("\"serial\": 2"));
}

TEST_F(Past, ALockIsSeenWaitedForAndBroken) {
  write("");
  ASSERT_EQ(apply().code, 0);
  EXPECT_TRUE(ovl("lock ls").has("Nobody holds"));
  const auto keystore = SqliteKeystore::open({.path = store()}).value();
  StoreLock lock = lock_of_another(*keystore);
  const Ran seen = ovl("lock ls");
  EXPECT_TRUE(seen.has("ada@there")) << seen.out;
  EXPECT_TRUE(seen.has("2023-11-14 22:13:20 UTC")) << seen.out;
  write("[network.one]\n");
  const Ran waited = apply("--lock-timeout 200ms");
  EXPECT_EQ(waited.code, 11) << waited.out;
  EXPECT_TRUE(waited.has("locked by ada@there, pid 77, since 2023-11-14 22:13:20 UTC")) << waited.out;
  const std::string waits =
      "ovl: the cluster is locked by ada@there, pid 77, since 2023-11-14 22:13:20 UTC; waiting for it, at "
      "most 200ms\n";
  const std::size_t said = waited.out.find(waits);
  ASSERT_NE(said, std::string::npos) << waited.out;
  EXPECT_EQ(waited.out.find(waits, said + 1), std::string::npos) << waited.out;
  EXPECT_FALSE(apply("--lock-timeout 0s").has("waiting for it"));
  EXPECT_EQ(ovl("lock break 1").code, 10) << "another lock's id";
  const std::string id =
      shell("cd " + directory_.path() + " && " + OVL_BINARY + " lock ls | awk 'NR == 2 { print $1 }'").out;
  const Ran broken = ovl("lock break " + id);
  EXPECT_EQ(broken.code, 0) << broken.out;
  EXPECT_FALSE(
      commit_units(*keystore, {Unit{.guards = {}, .writes = {{.key = "ovl/past/v1/x", .value = "1"}}}}, lock)
          .ok());
  EXPECT_EQ(apply().code, 0);
}

}  // namespace ovl
