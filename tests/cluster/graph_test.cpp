// The drawings of a cluster, each read by somebody who knows the language.
#include <gtest/gtest.h>

#include <fstream>

#include "tests/cluster/lab_rig.hpp"
#include "tests/support/process.hpp"

namespace ovl {

namespace {

class Graph : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(directory_.file("ovl.toml"))
        << "[cluster]\nname = \"drawn\"\n[keystore]\nurl = \"sqlite://" << directory_.file("keystore.db")
        << "\"\n[host.left]\nadvertise = \"192.0.2.1\"\n[host.right]\nadvertise = \"192.0.2.2\"\n"
        << "[network.front]\nsubnets = [\"10.0.9.0/24\", \"fd00:9::/64\"]\n"
        << "[network.back]\nsubnet = \"10.0.8.0/24\"\ninternal = true\n"
        << "[endpoint.web]\nhost = \"left\"\n[endpoint.web.networks.front]\n[endpoint.web.networks.back]\n";
    const Ran applied = ovl("apply --auto-approve --scope cluster");
    ASSERT_EQ(applied.code, 0) << applied.out;
  }

  [[nodiscard]] Ran ovl(const std::string& arguments) const {
    return shell("cd " + directory_.path() + " && " + OVL_BINARY + " " + arguments);
  }

  test::TemporaryDirectory directory_;
};

}  // namespace

TEST_F(Graph, IsDot) {
  const Ran dot = ovl("graph");
  ASSERT_EQ(dot.code, 0) << dot.out;
  EXPECT_TRUE(dot.has("label=\"left\\n192.0.2.1\\nnever applied\"")) << dot.out;
  EXPECT_TRUE(dot.has("e0 -- n1 [label=\"10.0.9.2\\nfd00:9::2\"];")) << dot.out;
}

TEST_F(Graph, HasOneFont) {
  const Ran dot = ovl("graph");
  for (const char* part : {"graph", "node", "edge"}) {
    EXPECT_TRUE(dot.has(std::string("  ") + part + " [fontname=\"sans-serif\"];\n")) << dot.out;
  }
}

// Nobody has to apply to see what he has written.
TEST_F(Graph, IsOfTheManifestBeforeTheFirstApply) {
  const std::string applied = ovl("graph 2>&1").out;
  std::filesystem::remove(directory_.file("keystore.db"));
  const Ran lost = ovl("graph");
  EXPECT_NE(lost.code, 0) << "what was remembered and is gone is told: " << lost.out;
  const Ran fresh = ovl("graph --cluster drawn --state-dir " + directory_.file("elsewhere") + " 2>told");
  EXPECT_EQ(fresh.code, 0) << fresh.out;
  EXPECT_EQ(fresh.out, applied);
  EXPECT_TRUE(shell("cat " + directory_.file("told")).has("what the manifest asks for"));
}

TEST_F(Graph, IsMermaid) {
  const Ran mermaid = ovl("graph --format mermaid");
  EXPECT_EQ(mermaid.out.find("flowchart LR\n"), 0U) << mermaid.out;
  EXPECT_TRUE(mermaid.has("e0 ---|\"10.0.8.2\"| n0")) << mermaid.out;
}

TEST_F(Graph, IsSvg) {
  if (shell("command -v dot").code != 0) GTEST_SKIP() << "needs graphviz";
  const Ran written = ovl("graph --format svg --out drawn.svg");
  ASSERT_EQ(written.code, 0) << written.out;
  std::ifstream file(directory_.file("drawn.svg"));
  const std::string svg(std::istreambuf_iterator<char>(file), {});
  EXPECT_NE(svg.find("</svg>"), std::string::npos);
  EXPECT_NE(svg.find(">web<"), std::string::npos);
}

TEST_F(Graph, SaysWhoMakesSvg) {
  const Ran refused =
      shell("cd " + directory_.path() + " && PATH=none " + OVL_BINARY + " graph --format svg");
  EXPECT_EQ(refused.code, 1) << refused.out;
  EXPECT_TRUE(refused.has("graphviz")) << refused.out;
}

}  // namespace ovl
