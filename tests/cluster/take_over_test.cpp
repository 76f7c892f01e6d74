// A cluster that was applied from files, and whose manifest is pushed from now on; and what is pushed into a
// repository that libgit2 can't read.
#include <gtest/gtest.h>

#include "tests/cluster/hooks_rig.hpp"

namespace ovl {

namespace {

class TakeOver : public HooksRig {
 protected:
  void SetUp() override {
    HooksRig::SetUp();
    write("[network.one]\n");
    ASSERT_EQ(apply("").code, 0);
    static_cast<void>(commit("one"));
  }

  [[nodiscard]] Ran apply(const std::string& options) const {
    return ovl("apply net --auto-approve --scope cluster --keystore " + store() + " " + options);
  }
};

}  // namespace

TEST_F(TakeOver, IsNamedToWhoPushes) {
  ASSERT_EQ(install("pre-receive post-receive").code, 0);
  const Ran refused = push();
  EXPECT_NE(refused.code, 0);
  EXPECT_TRUE(refused.has("the records of cluster pushed come from dir:pushed, not from git:"))
      << refused.out;
  EXPECT_TRUE(refused.has("ovl apply --take-over")) << refused.out;
  EXPECT_TRUE(push("-o ovl.take-over hub main").has("push option \"ovl.take-over\" is not taken here"));
  const Ran taken = apply("--take-over");
  EXPECT_EQ(taken.code, 0) << taken.out;
  EXPECT_TRUE(taken.has("Generation 2")) << taken.out;
  const Ran pushed = push();
  EXPECT_EQ(pushed.code, 0) << pushed.out;
  write("[network.one]\n[network.two]\n");
  static_cast<void>(commit("two"));
  ASSERT_EQ(push().code, 0);
  EXPECT_NE(networks().find("two"), std::string::npos);
}

TEST_F(TakeOver, IsTheirsWhoMayPushWithTrustedOptions) {
  ASSERT_EQ(install("--trust-push-options pre-receive post-receive").code, 0);
  EXPECT_NE(push().code, 0);
  const Ran pushed = push("-o ovl.take-over hub main");
  EXPECT_EQ(pushed.code, 0) << pushed.out;
  EXPECT_TRUE(pushed.has("Source of cluster pushed")) << pushed.out;
  EXPECT_EQ(apply("").code, 0) << "from the same commit";
}

using Sha256 = HooksRig;

TEST_F(Sha256, IsPushedToAsAnyOther) {
  const std::string init = "git init -q -b main --object-format=sha256 ";
  ASSERT_EQ(shell("cd " + file("") + " && rm -rf hub.git work/.git && " + init + "--bare hub.git && " + init +
                  "work && git -C work remote add hub " + file("hub.git"))
                .code,
            0);
  const Ran installed = install("pre-receive post-receive");
  ASSERT_EQ(installed.code, 0) << installed.out;
  write("[network.one]\n");
  const std::string first = commit("one");
  EXPECT_EQ(first.size(), 64U);
  const Ran pushed = push();
  EXPECT_EQ(pushed.code, 0) << pushed.out;
  EXPECT_TRUE(pushed.has("Generation 1")) << pushed.out;
  write("[network.one]\n[network.two]\nvni = \"none\"\n");
  static_cast<void>(commit("wrong"));
  const Ran wrong = push();
  EXPECT_NE(wrong.code, 0);
  EXPECT_TRUE(wrong.has("net/ovl.toml:")) << wrong.out;
  write("[network.one]\n[network.two]\n");
  static_cast<void>(commit("two"));
  ASSERT_EQ(push().code, 0);
  EXPECT_NE(networks().find("two"), std::string::npos);
  const Ran forced = push("-f hub " + first + ":main");
  EXPECT_TRUE(forced.has("does not descend from")) << forced.out;
  EXPECT_EQ(ovl("plan net --scope cluster --detailed-exitcode --keystore " + store()).code, 0);
}

}  // namespace ovl
