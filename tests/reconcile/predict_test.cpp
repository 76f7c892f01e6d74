// Which traffic a plan says that it cuts off; tests/cluster/changes_test.cpp measures what it says nothing
// of.
#include "reconcile/run/predict.hpp"

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

TEST_F(Predicted, ASubnetLessIsTheEndOfItsFamilyAlone) {
  const std::string more =
      replaced(kOneEndpoint, "subnet = \"10.0.9.0/24\"", "subnets = [\"10.0.9.0/24\", \"fd00:9::/64\"]");
  ASSERT_TRUE(apply(more).ok());
  EXPECT_EQ(by(replaced(kOneEndpoint, "subnet = \"10.0.9.0/24\"", "subnets = [\"10.0.9.0/24\"]")),
            "endpoint.x[\"web\"]: its IPv6 traffic for good");
  const std::string less =
      by(replaced(kOneEndpoint, "subnet = \"10.0.9.0/24\"", "subnets = [\"fd00:9::/64\"]"));
  EXPECT_NE(less.find("endpoint.x[\"web\"]: its IPv4 traffic for good"), std::string::npos) << less;
  EXPECT_EQ(by(replaced(kOneEndpoint, "host = \"a\"\n", "host = \"a\"\naddress = \"10.0.9.7\"\n"))
                .find("IPv4 traffic"),
            std::string::npos)
      << "one in the place of another is found again";
}

// On a host that this one does not look into.
constexpr const char* kElsewhere = R"([host.b]
advertise = "192.0.2.2"
[endpoint.y]
network = "web"
host = "b"
)";

TEST_F(Predicted, AnotherNameOfAHostDisturbsNobody) {
  const std::string two = std::string(kOneEndpoint) + kElsewhere;
  ASSERT_TRUE(apply(two).ok());
  std::string renamed = two + "[[moved]]\nfrom = \"host.b\"\nto = \"host.c\"\n";
  renamed = replaced(replaced(renamed, "[host.b]", "[host.c]"), "host = \"b\"", "host = \"c\"");
  EXPECT_EQ(by(renamed), kNobody);
  const auto planned = plan(renamed);
  ASSERT_TRUE(planned.ok()) << planned.error().message;
  EXPECT_EQ(planned.value().plan.undone.behind, (std::vector<std::string>{"c"}));
  const std::string moved = replaced(two, "host = \"b\"", "host = \"a\"");
  EXPECT_NE(by(moved).find("endpoint.y[\"web\"]: all its traffic"), std::string::npos) << by(moved);
}

TEST_F(Predicted, AnotherPoolElsewhereCutsWhatIsBehindItThere) {
  const std::string two = std::string(kOneEndpoint) + kElsewhere;
  ASSERT_TRUE(apply(two).ok());
  const std::string pool = replaced(two, "\"192.0.2.2\"", "\"192.0.2.2\"\ngateway_pool = \"172.30.0.0/16\"");
  EXPECT_EQ(by(pool), "endpoint.y: connections by its way out for good");
}

// The way out is another pair then, and the same address.
TEST_F(Predicted, OneMoreNetworkInFrontEndsNoWayOut) {
  const std::string more =
      replaced(kOneEndpoint, "network = \"web\"\n", "networks = { a = {}, web = {} }\n") +
      "[network.a]\nsubnet = \"10.0.8.0/24\"\n";
  EXPECT_EQ(by(more), "endpoint.x: its way out for a while");
  EXPECT_EQ(by_records(more), "endpoint.x: its way out for a while");
}

TEST_F(Predicted, AnAddressThatNoRecordHasLastsUntilTheManifestIsApplied) {
  const std::string two =
      replaced(std::string(kOneEndpoint) + kElsewhere, "advertise = \"192.0.2.1\"", "advertise = \"eth7\"");
  HostFacts facts;
  facts.machine = "machine-a";
  facts.vtep = IpAddress::parse("192.0.2.1").value();
  kernel_.set_facts(facts);
  ASSERT_TRUE(apply(two).ok());
  facts.vtep = IpAddress::parse("192.0.2.61").value();
  kernel_.set_facts(facts);
  const auto planned = plan_of_host();
  ASSERT_TRUE(planned.ok()) << planned.error().message;
  const Plan& alone = planned.value().plan;
  EXPECT_EQ(text_of(alone.interruptions), "network.web: traffic with other hosts for a while");
  ASSERT_EQ(alone.interruptions.size(), 1U);
  EXPECT_EQ(alone.interruptions.front().milliseconds, 0U);
  EXPECT_TRUE(alone.interruptions.front().until.empty());
  EXPECT_TRUE(alone.undone.address_untold);
  ASSERT_EQ(alone.warnings.size(), 1U);
  EXPECT_EQ(alone.warnings.front().id, FindingId("address-untold"));
  ASSERT_TRUE(apply(two).ok());
  EXPECT_FALSE(plan_of_host().value().plan.undone.address_untold) << "it is recorded";
}

}  // namespace

}  // namespace ovl
