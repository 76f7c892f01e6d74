// [[moved]] where the store is at one of several old names, or at more than one of them.
#include "reconcile/records/moves.hpp"

#include <sstream>

#include "tests/reconcile/one_host.hpp"

namespace ovl {

namespace {

std::string with(const std::string& networks, const std::string& moved = {}) {
  std::string out = "[cluster]\nname = \"demo\"\n[host.a]\nadvertise = \"192.0.2.1\"\n" + networks;
  std::istringstream words(moved);
  for (std::string from, to; words >> from >> to;) {
    out += "[[moved]]\nfrom = \"network." + from + "\"\nto = \"network." + to + "\"\n";
  }
  return out;
}

// "front -> mid" for each rename, "-front" for each removal, and "+front".
std::string changes_of(const Plan& plan) {
  std::string out;
  for (const RecordChange& change : plan.record_changes) {
    if (change.kind != RecordKind::network) continue;
    if (!out.empty()) out += ", ";
    if (!change.previous.empty()) {
      out += change.previous + " -> " + change.name;
    } else {
      out += (change.action == Action::remove ? "-" : "+") + change.name;
    }
  }
  return out;
}

class MovesTest : public OneHost {
 protected:
  std::string planned(const std::string& text) {
    const auto plan = this->plan(text);
    EXPECT_TRUE(plan.ok()) << plan.error().message;
    if (!plan.ok()) return "";
    warnings_.clear();
    for (const Finding& finding : plan.value().plan.warnings) {
      warnings_ += finding.id.text() + " " + finding.subject + ": " + finding.message;
    }
    return changes_of(plan.value().plan);
  }

  std::string warnings_;
};

TEST_F(MovesTest, AChainBeginsWhereTheClusterIs) {
  for (const char* name : {"front", "mid"}) {
    ASSERT_TRUE(apply(with("[network." + std::string(name) + "]\n")).ok());
    for (const char* moved : {"front mid mid edge", "mid edge front mid", "front edge mid edge"}) {
      EXPECT_EQ(planned(with("[network.edge]\n", moved)), std::string(name) + " -> edge") << moved;
      EXPECT_EQ(warnings_, "");
    }
  }
}

TEST_F(MovesTest, OfTwoOldNamesTheLaterOneIsRenamedAndTheOtherOneIsTold) {
  ASSERT_TRUE(apply(with("[network.front]\n[network.mid]\n")).ok());
  EXPECT_EQ(planned(with("[network.edge]\n", "front mid mid edge")), "-front, mid -> edge");
  EXPECT_EQ(
      warnings_,
      "moved-blocked network.front: network.edge is there already, so this one is not renamed but removed");
  ASSERT_TRUE(apply(with("[network.front]\n[network.edge]\n")).ok());
  EXPECT_EQ(planned(with("[network.edge]\n", "front edge")), "-front");
  EXPECT_NE(warnings_, "");
}

}  // namespace

}  // namespace ovl
