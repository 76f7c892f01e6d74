// A state knows its machine: it goes on when one thing about it changes, and is nobody else's.
#include "state/identity.hpp"

#include "tests/support/process.hpp"

namespace ovl::test {

namespace {

const HostIdentity kKnown{.machine = "m1", .name = "left", .address = "192.0.2.1"};

class IdentityTest : public ::testing::Test {
 protected:
  bool is_taken(const HostIdentity& known, const ThisMachine& here) {
    State state = must(State::open({.root = directory_.path(), .cluster = must(Label::parse("demo"))}));
    must(remember_identity(state, known));
    EXPECT_EQ(must(identity_of(state)), known);
    const Status status = check_identity(state, here);
    if (!status.ok()) {
      EXPECT_EQ(status.error().code, Errc::guard);
      EXPECT_NE(status.error().hint.find("ovl state adopt"), std::string::npos);
    }
    return status.ok();
  }

  TemporaryDirectory directory_;
};

TEST_F(IdentityTest, OneChangeAtATimeIsItsOwn) {
  EXPECT_TRUE(is_taken(kKnown, {"m1", "left", {"127.0.0.1", "192.0.2.1"}}));
  EXPECT_TRUE(is_taken(kKnown, {"m1", "renamed", {"192.0.2.1"}})) << "renamed";
  EXPECT_TRUE(is_taken(kKnown, {"m1", "left", {"192.0.2.7"}})) << "renumbered";
  EXPECT_TRUE(is_taken(kKnown, {"m2", "left", {"192.0.2.1"}})) << "its id made anew";
}

TEST_F(IdentityTest, TwoOthersAreAnotherMachine) {
  EXPECT_FALSE(is_taken(kKnown, {"m2", "left", {"192.0.2.7"}})) << "a cloned machine keeps its name";
  EXPECT_FALSE(is_taken(kKnown, {"m2", "right", {"192.0.2.1"}}));
  EXPECT_FALSE(is_taken(kKnown, {"m1", "right", {"192.0.2.7"}})) << "a cloned disk keeps its id";
  EXPECT_FALSE(is_taken(kKnown, {"m2", "right", {"192.0.2.7"}}));
}

TEST_F(IdentityTest, WhatNobodyKnowsIsNoDifference) {
  EXPECT_TRUE(is_taken({}, {"m2", "right", {"192.0.2.7"}}));
  EXPECT_TRUE(is_taken(kKnown, {"", "", {}}));
  EXPECT_TRUE(is_taken({.machine = "m1", .name = "left"}, {"m1", "right", {"192.0.2.7"}}));
  EXPECT_TRUE(is_taken(kKnown, {"", "right", {"192.0.2.1"}}));
}

TEST_F(IdentityTest, AStateOfAnEarlierVersionIsTaken) {
  State state = must(State::open({.root = directory_.path(), .cluster = must(Label::parse("demo"))}));
  EXPECT_EQ(must(identity_of(state)), std::nullopt);
  EXPECT_TRUE(check_identity(state, {"m", "n", {"192.0.2.1"}}).ok());
}

}  // namespace

}  // namespace ovl::test
