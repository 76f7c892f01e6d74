// Which traffic a plan says that it cuts off; tests/cluster/changes_test.cpp measures what it says nothing
// of.
#include "reconcile/predict.hpp"

#include <fmt/format.h>

#include "tests/reconcile/one_host.hpp"

namespace ovl {

namespace {

std::string text_of(const std::vector<Interruption>& interruptions) {
  std::string out;
  for (const Interruption& one : interruptions) {
    if (!out.empty()) out += "; ";
    out += fmt::format("{}: {}{}", one.subject, one.what, one.for_good ? " for good" : " for a while");
  }
  return out;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  return text.replace(text.find(what), what.size(), by);
}

class Predicted : public OneHost {
 protected:
  void SetUp() override {
    OneHost::SetUp();
    const auto applied = apply(kOneEndpoint);
    ASSERT_TRUE(applied.ok()) << applied.error().message;
  }

  std::string by(const std::string& text) {
    const auto planned = plan(text);
    EXPECT_TRUE(planned.ok()) << planned.error().message;
    return planned.ok() ? text_of(planned.value().plan.interruptions) : "";
  }

  // The same where the records are written already, as hosts meet it that follow them.
  std::string by_records(const std::string& text) {
    const Manifest manifest = parsed(text);
    EXPECT_TRUE(apply(Scope::cluster, &manifest).ok());
    const auto planned = plan_of_host();
    EXPECT_TRUE(planned.ok()) << planned.error().message;
    return planned.ok() ? text_of(planned.value().plan.interruptions) : "";
  }
};

constexpr const char* kNobody = "";

TEST_F(Predicted, OneMoreSubnetDisturbsNobody) {
  const std::string more =
      replaced(kOneEndpoint, "subnet = \"10.0.9.0/24\"", "subnets = [\"10.0.9.0/24\", \"fd00:9::/64\"]");
  EXPECT_EQ(by(more), kNobody);
  EXPECT_EQ(by_records(more), kNobody);
}

TEST_F(Predicted, AnotherNamespaceLeavesBehindWhatRunsInTheOldOne) {
  const std::string elsewhere = std::string(kOneEndpoint) + "netns = \"other\"\n";
  constexpr const char* said =
      "endpoint.x[\"web\"]: what runs in netns x for good; endpoint.x[\"web\"]: all its traffic for a while";
  EXPECT_EQ(by(elsewhere), said);
  EXPECT_EQ(by_records(elsewhere), said);
}

TEST_F(Predicted, WhatIsRemovedIsListed) {
  const std::string less = replaced(kOneEndpoint, "[endpoint.x]\nnetwork = \"web\"\nhost = \"a\"\n", "");
  constexpr const char* said = "endpoint.x[\"web\"]: all its traffic for good";
  EXPECT_EQ(by(less), said);
  EXPECT_EQ(by_records(less), said);
}

TEST_F(Predicted, ItsWayOutGoesAndItsNetworkStays) {
  const std::string inside = replaced(kOneEndpoint, "[network.web]", "[network.web]\ninternal = true");
  EXPECT_EQ(by(inside), "endpoint.x: its way out for good");
  EXPECT_EQ(by_records(inside), "endpoint.x: its way out for good");
}

TEST_F(Predicted, AnotherPoolCutsWhatIsBehindIt) {
  const std::string pool =
      replaced(kOneEndpoint, "\"192.0.2.1\"", "\"192.0.2.1\"\ngateway_pool = \"172.30.0.0/16\"");
  EXPECT_NE(by(pool).find("endpoint.x: connections by its way out for good"), std::string::npos) << by(pool);
}

TEST_F(Predicted, ALargerPoolDisturbsNobody) {
  const auto pool = [](const char* prefix) {
    return replaced(kOneEndpoint, "\"192.0.2.1\"",
                    fmt::format("\"192.0.2.1\"\ngateway_pool = \"{}\"", prefix));
  };
  ASSERT_TRUE(apply(pool("172.30.0.0/24")).ok());
  EXPECT_EQ(by(pool("172.30.0.0/16")), kNobody);
}

}  // namespace

}  // namespace ovl
