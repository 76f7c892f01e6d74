// What the long-running verbs say of an apply.
#include "cmd/session/journal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cmd/session/keeping.hpp"

namespace ovl {

namespace {

using ::testing::ElementsAre;

Plan of(std::size_t networks) {
  Plan plan;
  for (std::size_t i = 0; i < networks; ++i) {
    plan.record_changes.push_back({.action = Action::create,
                                   .reason = Reason::absent,
                                   .kind = RecordKind::network,
                                   .name = "n" + std::to_string(i),
                                   .previous = {},
                                   .before = {},
                                   .after = {},
                                   .fields = {}});
  }
  return plan;
}

}  // namespace

TEST(Journal, HasALineForEachChange) {
  Plan plan = of(2);
  plan.record_changes[1].action = Action::remove;
  plan.record_changes[1].reason = Reason::not_desired;
  EXPECT_THAT(change_lines(plan),
              ElementsAre("create network.n0: absent", "remove network.n1: no longer declared"));
}

TEST(Journal, HasALineForEachReasonWhereThereAreMany) {
  Plan plan = of(kMostLines + 2);
  plan.record_changes.back().action = Action::remove;
  plan.record_changes.back().reason = Reason::not_desired;
  EXPECT_THAT(change_lines(plan), ElementsAre("create: absent: 51 changes, the first network.n0",
                                              "remove: no longer declared: 1 change, the first network.n51"));
}

// What is tried again and again fails again and again.
TEST(Journal, SaysTheSameTroubleOnceWithItsRemedyAndItsEnd) {
  const Error missing{.code = Errc::guard, .message = "no cluster", .hint = "apply it"};
  const Error away{.code = Errc::unreachable, .message = "away"};
  ::testing::internal::CaptureStderr();
  TroubleTeller trouble;
  trouble.well();
  for (int i = 0; i < 3; ++i) trouble.tell(missing);
  trouble.tell(away);
  trouble.well();
  trouble.well();
  trouble.tell(missing);
  trouble.forget();
  trouble.well();
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "ovl: no cluster\novl: hint: apply it\novl: away\novl: all is well again\n"
            "ovl: no cluster\novl: hint: apply it\n");
}

TEST(Journal, CountsInEnglish) {
  EXPECT_EQ(changes_text(0), "0 changes");
  EXPECT_EQ(changes_text(1), "1 change");
  EXPECT_EQ(changes_text(2), "2 changes");
}

}  // namespace ovl
