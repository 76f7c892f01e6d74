// What has moved on a host since it applied is told from what is wished otherwise now.
#include <algorithm>

#include "tests/reconcile/one_host.hpp"

namespace ovl {

namespace {

using Drift = OneHost;

constexpr const char* kAnother = "[endpoint.y]\nnetwork = \"web\"\nhost = \"a\"\n";

// How many object changes are drift, and how many are not.
std::pair<std::size_t, std::size_t> parts_of(const Plan& plan) {
  const PlanParts parts = count_parts(plan);
  const auto all = [](const PlanCounts& counts) {
    return counts.create + counts.update + counts.replace + counts.remove;
  };
  return {all(parts.drift), all(parts.objects)};
}

using Parts = std::pair<std::size_t, std::size_t>;

TEST_F(Drift, IsNothingBeforeTheFirstApply) {
  const auto planned = plan(kOneEndpoint);
  ASSERT_TRUE(planned.ok()) << planned.error().message;
  EXPECT_EQ(parts_of(planned.value().plan).first, 0U);
  EXPECT_GT(parts_of(planned.value().plan).second, 0U);
}

TEST_F(Drift, IsWhatMovedUnderAWishThatStayed) {
  ASSERT_TRUE(apply(kOneEndpoint).ok());
  space("x").addresses.clear();
  space("x").routes.push_back({.destination = IpPrefix::parse_exact("198.51.100.0/24").value(),
                               .dev = IfName::from_kernel("eth0"),
                               .protocol = kRouteProtocol});
  kernel_.objects().sort();
  for (const bool here : {false, true}) {
    const auto planned = here ? plan_of_host() : plan(kOneEndpoint);
    ASSERT_TRUE(planned.ok()) << planned.error().message;
    EXPECT_GE(parts_of(planned.value().plan).first, 2U) << "what is missing, and the stray";
    EXPECT_EQ(parts_of(planned.value().plan).second, 0U);
  }
}

TEST_F(Drift, IsToldFromAWishOfTheSamePlan) {
  ASSERT_TRUE(apply(kOneEndpoint).ok());
  const auto wished = plan(std::string(kOneEndpoint) + kAnother);
  ASSERT_TRUE(wished.ok()) << wished.error().message;
  EXPECT_EQ(parts_of(wished.value().plan).first, 0U) << "nothing has moved";
  const std::size_t wishes = parts_of(wished.value().plan).second;
  space("x").addresses.clear();
  const auto both = plan(std::string(kOneEndpoint) + kAnother);
  ASSERT_TRUE(both.ok()) << both.error().message;
  EXPECT_GE(parts_of(both.value().plan).first, 1U);
  EXPECT_EQ(parts_of(both.value().plan).second, wishes);
}

// What is made anew because somebody asks for it takes along what stands on it; nothing of it has moved.
TEST_F(Drift, IsNotWhatStandsOnWhatIsWishedAnew) {
  ASSERT_TRUE(apply(kOneEndpoint).ok());
  for (const char* link : {"link.x[\"eth0\"]", "link.ovl-web[\"vxlan0\"]"}) {
    const auto planned = plan_replacing(kOneEndpoint, link);
    ASSERT_TRUE(planned.ok()) << planned.error().message;
    EXPECT_EQ(parts_of(planned.value().plan).first, 0U) << link;
    EXPECT_GE(parts_of(planned.value().plan).second, 1U) << link;
  }
}

// What others have written, and this host has not applied yet, is a wish.
TEST_F(Drift, IsNotWhatThisHostHasYetToApply) {
  ASSERT_TRUE(apply(kOneEndpoint).ok());
  const Manifest more = parsed(std::string(kOneEndpoint) + kAnother);
  ASSERT_TRUE(apply(Scope::cluster, &more).ok());
  const auto planned = plan_of_host();
  ASSERT_TRUE(planned.ok()) << planned.error().message;
  EXPECT_EQ(parts_of(planned.value().plan).first, 0U);
  EXPECT_GT(parts_of(planned.value().plan).second, 0U);
}

// What stands on a device that is made anew goes with it.
TEST_F(Drift, IsNotWhatAWishTakesAlong) {
  ASSERT_TRUE(apply(kOneEndpoint).ok());
  const std::string elsewhere = std::string(kOneEndpoint) + "netns = \"other\"\n";
  std::string renamed = kOneEndpoint;
  for (std::size_t at = 0; (at = renamed.find("web", at)) != std::string::npos;) renamed.replace(at, 3, "w");
  renamed += "[[moved]]\nfrom = \"network.web\"\nto = \"network.w\"\n";
  for (const std::string& wished : {elsewhere, renamed}) {
    const auto planned = plan(wished);
    ASSERT_TRUE(planned.ok()) << planned.error().message;
    EXPECT_EQ(parts_of(planned.value().plan).first, 0U) << wished;
  }
  std::erase_if(space("").links, [](const Link& link) { return link.name.view() == "ovl-gw"; });
  const auto gone = plan(kOneEndpoint);
  ASSERT_TRUE(gone.ok()) << gone.error().message;
  EXPECT_GE(parts_of(gone.value().plan).first, 2U)
      << "a device that somebody took away is drift with all on it";
  EXPECT_EQ(parts_of(gone.value().plan).second, 0U);
}

TEST_F(Drift, IsNoneWhereEverythingGoesOrNothingIsRemembered) {
  ASSERT_TRUE(apply(kOneEndpoint).ok());
  space("x").addresses.clear();
  lose_state();
  const auto planned = plan(kOneEndpoint);
  ASSERT_TRUE(planned.ok()) << planned.error().message;
  EXPECT_EQ(parts_of(planned.value().plan).first, 0U);
  EXPECT_NE(parts_of(planned.value().plan), (Parts{0, 0}));
}

}  // namespace

}  // namespace ovl
