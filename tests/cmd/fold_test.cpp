// Long plans: the first of each long run, how many more there are, and all of them where that is asked for.
#include "cmd/base/fold.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "cmd/base/describe.hpp"
#include "cmd/base/style.hpp"
#include "cmd/formats/formats.hpp"
#include "cmd/formats/render_plan.hpp"
#include "reconcile/run/closing.hpp"

namespace ovl {

namespace {

Plan records_plan(std::size_t count) {
  Plan plan;
  plan.cluster = Label::parse("demo").value();
  for (std::size_t i = 0; i < count; ++i) {
    RecordChange change{.action = Action::create,
                        .reason = Reason::absent,
                        .kind = RecordKind::endpoint,
                        .name = "blue/e" + std::to_string(i),
                        .previous = {},
                        .before = {},
                        .after = Value::object(),
                        .fields = {}};
    change.after.set("host", "left");
    change.after.set("netns", "e" + std::to_string(i));
    plan.record_changes.push_back(std::move(change));
  }
  return plan;
}

// So many namespaces, each with two objects that are made.
class ManySpaces {
 public:
  explicit ManySpaces(std::size_t count) {
    plan.host = HostName::parse("left").value();
    for (std::size_t i = 0; i < count; ++i) {
      plan.spaces.push_back(NetnsName::parse("e" + std::to_string(1'000 + i)).value());
      const auto space = static_cast<std::uint32_t>(i);
      netns_.push_back({});
      routes_.push_back({});
      plan.object_changes.push_back({.action = Action::create, .space = space, .after = &netns_.back()});
      plan.object_changes.push_back({.action = Action::create, .space = space, .after = &routes_.back()});
    }
  }

  Plan plan;

 private:
  std::deque<Netns> netns_;
  std::deque<Route> routes_;
};

std::size_t lines_in(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

Report report_of_plan(const Plan& plan, bool show_all) {
  return Report{.verb = "plan",
                .cluster = "demo",
                .plan = &plan,
                .manifest = {},
                .error = {},
                .checkout = {},
                .folder = {},
                .show_all = show_all};
}

}  // namespace

// Who makes text where shows() says so makes as much of it as is seen.
TEST(Fold, ShowsAFewOfALongRunAndAllOfAShortOne) {
  for (const std::size_t count : {std::size_t{1}, kFoldAbove, kFoldAbove + 1, std::size_t{100'000}}) {
    Fold<int> fold(false);
    for (std::size_t i = 0; i < count; ++i) fold.expect(7);
    std::size_t made = 0;
    for (std::size_t i = 0; i < count; ++i) made += fold.shows(7) ? 1 : 0;
    EXPECT_EQ(made, count > kFoldAbove ? kFoldTo : count);
    std::size_t rest = 0;
    fold.for_each_rest([&](int key, std::size_t left_out) { rest += key == 7 ? left_out : 0; });
    EXPECT_EQ(made + rest, count);
  }
}

TEST(Fold, ShowsAllWhereThatIsAskedFor) {
  Fold<int> fold(true);
  for (int i = 0; i < 1'000; ++i) fold.expect(7);
  for (int i = 0; i < 1'000; ++i) ASSERT_TRUE(fold.shows(7));
  fold.for_each_rest([](int, std::size_t) { FAIL(); });
}

TEST(FoldedPlan, OfThousandsOfRecordsIsAPage) {
  const Plan plan = records_plan(5'150);
  const std::string text = plan_text(plan, {});
  EXPECT_LT(lines_in(text), 40U) << text;
  EXPECT_NE(text.find("  + endpoint ... and 5140 more (--show-all shows them)\n"), std::string::npos) << text;
  EXPECT_NE(text.find("Plan: records: 5150 to create.\n"), std::string::npos) << text;
  const std::string all = plan_text(plan, {.show_all = true});
  EXPECT_NE(all.find("endpoint.e5149[\"blue\"]"), std::string::npos);
  EXPECT_EQ(plan_json(plan).find("resource_changes")->as_array()->size(), 5'150U) << "JSON keeps everything";
}

TEST(FoldedPlan, OfManyNamespacesIsAPage) {
  const ManySpaces many(1'000);
  const std::string text = plan_text(many.plan, {});
  EXPECT_LT(lines_in(text), 50U) << text;
  EXPECT_NE(text.find("... and 990 more namespaces with the same changes"), std::string::npos) << text;
  EXPECT_EQ(lines_in(plan_text(many.plan, {.show_all = true})), 3'003U);
}

TEST(FoldedPlan, FoldsWhatIsSaidBesideTheChanges) {
  Plan plan;
  plan.cluster = Label::parse("demo").value();
  for (int i = 0; i < 500; ++i) {
    const std::string name = "network.n" + std::to_string(i);
    plan.warnings.push_back(
        {.code = Errc::conflict, .id = "forward-drop", .subject = name, .message = "m", .hint = {}});
    plan.interruptions.push_back(
        {.subject = name, .what = "all its traffic", .milliseconds = 5, .until = {}});
    plan.waiting.push_back(name);
  }
  EXPECT_LT(lines_in(plan_text(plan, {})), 50U) << plan_text(plan, {});
  EXPECT_GT(lines_in(plan_text(plan, {.show_all = true})), 1'500U);
}

TEST(FoldedPlan, IsFoldedInMarkdownToo) {
  const Plan plan = records_plan(500);
  EXPECT_LT(lines_in(markdown_of(report_of_plan(plan, false))), 40U);
  EXPECT_GT(lines_in(markdown_of(report_of_plan(plan, true))), 500U);
}

TEST(PlanCounts, TellRecordsObjectsAndDriftApart) {
  ManySpaces some(2);
  some.plan.object_changes.back().drift = true;
  some.plan.record_changes = records_plan(3).record_changes;
  EXPECT_EQ(closing(closing_facts(some.plan)).words,
            "Plan: records: 3 to create; objects on left: 3 to create; drift on left: 1 to create.");
  const std::string text = plan_text(some.plan, {});
  EXPECT_LT(text.find("Host left\n"), text.find("Drift, which an apply repairs:\n")) << text;
  const Value summary = *plan_json(some.plan).find("ovl")->find("summary");
  EXPECT_EQ(*summary.find("create"), Value(7));
  EXPECT_EQ(*summary.find("drift")->find("create"), Value(1));
}

TEST(Table, ALineOfItsOwnMovesNoColumn) {
  Table table;
  table.row({"a", "b"});
  table.line("a long line between them");
  table.row({"cc", "d"});
  EXPECT_EQ(table.text("  "), "  a   b\n  a long line between them\n  cc  d\n");
}

}  // namespace ovl
