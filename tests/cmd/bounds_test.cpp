// Whoever may write into a store does not decide how much memory others need to look at it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "drivers/keystore/sqlite/keystore.hpp"
#include "tests/support/peak_memory.hpp"
#include "tests/support/program.hpp"

namespace ovl::test {

namespace {

constexpr std::size_t kMegabyte = std::size_t{1} << 20;
constexpr int kStrangers = 64;
// What a look at a tree may need more than one at the tree without strangers: buffers, and their names.
constexpr long kMoreKilobytes = 8 << 10;

class Bounds : public ::testing::Test {
 protected:
  void SetUp() override {
    if (program_.empty())
      GTEST_SKIP() << "AddressSanitizer keeps what was freed, and there is no build/release/ovl";
    write("[cluster]\nname = \"demo\"\n[keystore]\nurl = \"sqlite://" + here_.file("k.db") +
          "\"\n[host.a]\nadvertise = \"192.0.2.1\"\n[network.blue]\nsubnet = \"10.1.0.0/24\"\n"
          "[endpoint.web]\nhost = \"a\"\nnetwork = \"blue\"\n");
    const Ran applied = run_shell(ovl("apply --auto-approve --scope cluster --new-cluster"));
    ASSERT_TRUE(applied.ok) << applied.out;
  }

  void write(const std::string& manifest) const { write_file(here_.file("ovl.toml"), manifest); }

  [[nodiscard]] std::string ovl(const std::string& arguments) const {
    return fmt::format("env -C {0} {1} --state-dir {0}/state {2}", here_.path(), program_, arguments);
  }

  void put(const std::string& below, std::size_t bytes) const {
    put_all(1, bytes, [&](int) { return below; });
  }

  template <class Name>
  void put_all(int count, std::size_t bytes, const Name& name) const {
    const auto store = must(SqliteKeystore::open({.path = here_.file("k.db")}));
    const std::string value(bytes, 'x');
    for (int done = 0; done < count;) {
      std::vector<Write> some;
      for (; done < count && some.size() < 20; ++done) {
        some.push_back({.key = "ovl/demo/v1/" + name(done), .value = value});
      }
      must(store->commit({{}, std::move(some)}));
    }
  }

  // Each verb that looks at the tree, before strangers write into it and after.
  void expect_the_same_need(const std::function<void()>& strangers) const {
    std::map<std::string, Peak> before;
    for (const std::string& verb : verbs()) before[verb] = peak_of(ovl(verb));
    strangers();
    for (const std::string& verb : verbs()) {
      const Peak after = peak_of(ovl(verb));
      EXPECT_EQ(after.code, 0) << verb << ": " << after.out;
      EXPECT_LT(after.kilobytes, before[verb].kilobytes + kMoreKilobytes) << verb;
      RecordProperty("memory of " + verb,
                     fmt::format("{} kB, before {}", after.kilobytes, before[verb].kilobytes));
    }
  }

  static std::vector<std::string> verbs() {
    return {"status", "plan --scope cluster", "network ls", "history", "lock ls", "graph"};
  }

  [[nodiscard]] Ran run(const std::string& verb) const { return run_shell(ovl(verb)); }

  TemporaryDirectory here_;

 private:
  std::string program_ = program_without_sanitizers();
};

TEST_F(Bounds, WhatNobodyKnowsIsNotLoaded) {
  expect_the_same_need([this] {
    put_all(kStrangers, kMegabyte,
            [](int i) { return fmt::format("{}/junk-{}", i % 2 == 0 ? "x" : "zz", i); });
  });
  EXPECT_LT(peak_of(ovl("keystore check")).kilobytes, peak_of(ovl("status")).kilobytes + kMoreKilobytes);
  const Ran check = run("keystore check");
  EXPECT_TRUE(check.ok) << check.out;
  EXPECT_NE(check.out.find("64 keys below the cluster's tree that this ovl does not know: "
                           "ovl/demo/v1/x/junk-0, ovl/demo/v1/x/junk-10,"),
            std::string::npos)
      << check.out;
  for (const std::string verb : {"status", "plan --scope cluster"}) {
    EXPECT_NE(run(verb).out.find("64 keys below the cluster's tree"), std::string::npos) << run(verb).out;
  }
}

// Plausible names and others, in every folder that ovl knows, and one of a record that is wanted.
TEST_F(Bounds, WhatIsTooLongIsRefusedByItself) {
  const std::vector<std::string> folders{"hosts",  "networks", "endpoints/blue", "facts",
                                         "status", "claims",   "presence",       "generations"};
  expect_the_same_need([&] {
    put_all(kStrangers, kMegabyte, [&](int i) {
      const std::string& folder = folders[static_cast<std::size_t>(i) % folders.size()];
      return fmt::format("{}/{}{}", folder, i % 3 == 0 ? "no name " : "h", i);
    });
  });
  const Peak check = peak_of(ovl("keystore check"));
  EXPECT_LT(check.kilobytes, peak_of(ovl("status")).kilobytes + kMoreKilobytes);
  EXPECT_EQ(check.code, 1);
  EXPECT_NE(run("keystore check")
                .out.find("hosts/no name 0: it has 1048576 bytes and was not loaded, a record "
                          "has at most 262144\n"),
            std::string::npos);
  EXPECT_NE(run("network ls").out.find("blue"), std::string::npos) << "the others are there";
}

// A record of the cluster that somebody made too long is written anew by who has the manifest.
TEST_F(Bounds, ARecordThatWasMadeTooLongIsWrittenAnew) {
  put("networks/blue", kMegabyte);
  put("claims/vni/4789/1048576", kMegabyte);
  EXPECT_NE(run("status").out.find("refused record networks/blue: it has 1048576 bytes"), std::string::npos);
  const Ran applied = run("apply --auto-approve --scope cluster");
  ASSERT_TRUE(applied.ok) << applied.out;
  const Ran check = run("keystore check");
  EXPECT_TRUE(check.ok) << check.out;
}

// The lock's holder is said to be somebody; it can be broken.
TEST_F(Bounds, ALockThatIsTooLongIsHeld) {
  put("lock", kMegabyte);
  write("[cluster]\nname = \"demo\"\n[keystore]\nurl = \"sqlite://" + here_.file("k.db") +
        "\"\n[host.a]\nadvertise = \"192.0.2.2\"\n");
  const Ran locked = run("apply --auto-approve --scope cluster --lock-timeout 1s --max-destroy 100%");
  EXPECT_FALSE(locked.ok);
  EXPECT_NE(locked.out.find("somebody else is applying"), std::string::npos) << locked.out;
}

}  // namespace

}  // namespace ovl::test
