// Signals to the program itself: at its question, as it waits, twice, and where they were ignored before.
#include <fmt/format.h>

#include "tests/cluster/hooks_rig.hpp"

namespace ovl {

namespace {

class Interrupt : public HooksRig {
 protected:
  void SetUp() override {
    HooksRig::SetUp();
    write("[network.one]\n");
  }

  [[nodiscard]] Ran run(const std::string& name) const {
    return shell(fmt::format(
        "cd {} && OPTIONS='--scope cluster --keystore {}' python3 {}/tests/support/interrupts.py {} {}",
        file("work"), store(), OVL_SOURCE_DIR, OVL_BINARY, name));
  }
};

TEST_F(Interrupt, AtTheQuestionEndsWithTheLockGivenBack) {
  const Ran ran = run("question");
  EXPECT_EQ(ran.code, 0) << ran.out;
  EXPECT_EQ(networks().find("one"), std::string::npos);
}

TEST_F(Interrupt, WhileWaitingForTheLockEndsInOneLine) {
  const Ran ran = run("lock");
  EXPECT_EQ(ran.code, 0) << ran.out;
}

TEST_F(Interrupt, WhileTheStoreIsSilentIsNotWaitedFor) {
  const Ran ran = run("silent");
  EXPECT_EQ(ran.code, 0) << ran.out;
}

TEST_F(Interrupt, ThatWasIgnoredBeforeStaysIgnored) {
  const Ran ran = run("ignored");
  EXPECT_EQ(ran.code, 0) << ran.out;
  EXPECT_NE(networks().find("one"), std::string::npos);
}

TEST_F(Interrupt, ASecondOneEndsAtOnce) {
  const Ran ran = run("twice");
  EXPECT_EQ(ran.code, 0) << ran.out;
}

}  // namespace

}  // namespace ovl
