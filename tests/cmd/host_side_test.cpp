// What a host's own file says, and which names of a cluster count where a manifest is somebody else's.
#include "cmd/trust/host_side.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <vector>

#include "cmd/trust/cluster_word.hpp"
#include "tests/support/process.hpp"

namespace ovl {

namespace {

class HostSideTest : public testing::Test {
 protected:
  [[nodiscard]] std::string write(const std::string& text, mode_t mode = 0600) const {
    const std::string path = folder_.file("file");
    test::write_file(path, text);
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }

  [[nodiscard]] Result<HostSide> read(const std::string& text, mode_t mode = 0600) const {
    return read_host_side(write(text, mode));
  }

  test::TemporaryDirectory folder_;
};

std::vector<std::string> names_held(const PlanOptions& options, const std::vector<Label>& followed = {}) {
  std::vector<std::string> out;
  for (const Label& name : test::must(held_clusters(options, followed))) out.push_back(name.text());
  return out;
}

}  // namespace

TEST_F(HostSideTest, ItsFileNamesKeystoreAndCluster) {
  const auto both = read(
      "[cluster]\nname = \"a\"\n[keystore]\nurl = \"consul://10.0.0.1\"\ntoken = \"file:t\"\n"
      "allow_plaintext = true\n");
  ASSERT_TRUE(both.ok()) << both.error().message;
  EXPECT_EQ(both.value().cluster.text(), "a");
  EXPECT_EQ(both.value().access.url, "consul://10.0.0.1");
  EXPECT_EQ(both.value().access.token, "file:" + folder_.file("t"));
  const auto name = read("[cluster]\nname = \"a\"\n");
  ASSERT_TRUE(name.ok()) << name.error().message;
  EXPECT_EQ(name.value().access.url, "");
}

TEST_F(HostSideTest, ItsFileSaysSomethingAndNothingElse) {
  EXPECT_FALSE(read("").ok());
  const auto network = read("[cluster]\nname = \"a\"\n[network.one]\n");
  ASSERT_FALSE(network.ok());
  EXPECT_EQ(network.error().code, Errc::manifest);
  const auto writable = read("[cluster]\nname = \"a\"\n", 0666);
  ASSERT_FALSE(writable.ok());
  EXPECT_EQ(writable.error().code, Errc::guard);
  EXPECT_TRUE(read_host_side(folder_.file("nowhere")).value().cluster.empty());
}

TEST_F(HostSideTest, TheCommandLineNamesTheClusterBeforeWhatIsRemembered) {
  const Label other = test::must(Label::parse("other"));
  EXPECT_EQ(names_held({}), std::vector<std::string>());
  EXPECT_EQ(names_held({}, {other}), std::vector<std::string>{"other"});
  const std::string file = write("kept\n");
  EXPECT_EQ(names_held({.cluster_file = file}, {other}), std::vector<std::string>{"kept"});
  EXPECT_EQ(names_held({.cluster = "given", .cluster_file = file}), std::vector<std::string>{"given"});
  test::must(remember_cluster(folder_.file("new/folder/file"), other));
  EXPECT_EQ(names_held({.cluster_file = folder_.file("new/folder/file")}), std::vector<std::string>{"other"});
}

TEST_F(HostSideTest, WhatIsRememberedIsANameAndNobodyElsesToWrite) {
  for (const char* text : {"", "\n", "no name\n", "-\n"}) {
    const auto held = held_clusters({.cluster_file = write(text)}, {});
    ASSERT_FALSE(held.ok()) << text;
    EXPECT_EQ(held.error().code, Errc::guard);
  }
  EXPECT_FALSE(held_clusters({.cluster_file = write("kept\n", 0666)}, {}).ok());
  EXPECT_FALSE(held_clusters({.cluster_file = folder_.path()}, {}).ok());
}

}  // namespace ovl
