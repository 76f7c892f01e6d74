// What an apply would meet is said by the plan, and stops no more than its part.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/reconcile/one_host.hpp"

namespace ovl {

namespace {

constexpr UdpPort kPort = UdpPort::unchecked(4789);

class ObstaclesOfHost : public OneHost {
 protected:
  // "id part: message; …" of the conflicts, warnings with no part.
  std::string told(const std::string& manifest = kOneEndpoint) {
    const auto planned = plan(manifest);
    EXPECT_TRUE(planned.ok()) << planned.error().message;
    std::string out;
    if (!planned.ok()) return out;
    for (const auto* findings : {&planned.value().plan.conflicts, &planned.value().plan.warnings}) {
      for (const Finding& one : *findings) {
        out += (out.empty() ? "" : "; ") + one.id.text() + " " + one.part + ": " + one.message;
      }
    }
    return out;
  }

  void route(const std::string& to, const std::string& device) {
    space("x").netns = Netns{.name = netns("x")};
    Route foreign{.destination = IpPrefix::parse_exact(to).value(), .protocol = 2};
    if (!device.empty()) foreign.dev = IfName::parse(device).value();
    space("x").routes.push_back(foreign);
    std::ranges::sort(space("x").routes, key_less<Route>);
  }
};

}  // namespace

TEST_F(ObstaclesOfHost, AHeldPortIsAConflictOfItsNetworksAlone) {
  ASSERT_EQ(told(), "");
  kernel_.hold_port(kPort, "python3 (process 812)");
  EXPECT_EQ(told(), "port-held network web: python3 (process 812) holds UDP port 4789");
  const auto done = apply(kOneEndpoint);
  ASSERT_TRUE(done.ok()) << done.error().message;
  EXPECT_EQ(done.value().left.size(), 1U);
  EXPECT_TRUE(exists("x"));
  EXPECT_FALSE(exists("ovl-web"));
  kernel_.hold_port(kPort, "");
  ASSERT_TRUE(apply(kOneEndpoint).ok());
  EXPECT_TRUE(exists("ovl-web"));
  kernel_.hold_port(kPort, "python3 (process 812)");
  EXPECT_EQ(told(), "") << "a tunnel that is up has its port";
}

TEST_F(ObstaclesOfHost, AHeldVniIsAConflictOfItsNetwork) {
  const std::string manifest = std::string(kOneEndpoint) +
                               "[network.other]\nvni = 77\n[endpoint.y]\nhost = \"a\"\n"
                               "network = \"other\"\n";
  space("").links.push_back(Link{.name = IfName::parse("vx").value(),
                                 .type = LinkType::vxlan,
                                 .vni = Vni::unchecked(77),
                                 .port = kPort});
  EXPECT_EQ(told(manifest), "vni-held network other: device vx has the VNI");
}

TEST_F(ObstaclesOfHost, ARouteThatHidesASubnetIsAConflictBeforeAndAWarningAfter) {
  const std::string end = ", where the endpoint then reaches nobody";
  route("10.0.9.128/25", "");
  EXPECT_EQ(told(), "hidden-prefix : it is not ovl's and leads a part of 10.0.9.0/24 nowhere" + end);
  space("x").routes.clear();
  route("10.0.9.0/24", "d0");
  EXPECT_EQ(told(), "foreign-route endpoint x: it is not ovl's and leads 10.0.9.0/24 to d0" + end);
  space("x").routes.clear();
  ASSERT_TRUE(apply(kOneEndpoint).ok());
  ASSERT_EQ(told(), "");
  route("10.0.9.0/24", "d0");
  EXPECT_EQ(told(), "hidden-prefix : it is not ovl's and leads 10.0.9.0/24 to d0" + end)
      << "a tenant's affair";
}

// A network over IPv6 keeps its gateway's addresses where somebody switches IPv6 off.
TEST_F(ObstaclesOfHost, ASandboxHasIpv6WhereItsNetworkHas) {
  std::string manifest = kOneEndpoint;
  manifest.replace(manifest.find("subnet = "), std::string("subnet = \"10.0.9.0/24\"").size(),
                   "subnets = [\"10.0.9.0/24\", \"fd00:9::/64\"]");
  ASSERT_TRUE(apply(manifest).ok());
  const auto at =
      std::ranges::find(space("ovl-web").sysctls, "net/ipv6/conf/br0/disable_ipv6", &Sysctl::path);
  ASSERT_NE(at, space("ovl-web").sysctls.end());
  at->value = "1";
  ASSERT_TRUE(apply(manifest).ok());
  EXPECT_EQ(at->value, "0");
}

// Equal but for its other end: a pair is taken over whole.
TEST_F(ObstaclesOfHost, AnEndOfAnotherPairIsNotTakenOver) {
  const std::string manifest = std::string(kOneEndpoint) + "adopt = \"if-equal\"\n";
  ASSERT_TRUE(apply(manifest).ok());
  const auto inner = std::ranges::find(space("x").links, IfName::parse("eth0").value(), &Link::name);
  ASSERT_NE(inner, space("x").links.end());
  Link stranger = *inner;
  stranger.group = 0;
  stranger.alias = "";
  stranger.peer = VethPeer{.netns = {}, .name = IfName::parse("zz").value()};
  ASSERT_TRUE(destroy().ok());
  space("x").netns = Netns{.name = netns("x")};
  space("x").links = {stranger};
  const std::string said = told(manifest);
  EXPECT_TRUE(
      said.starts_with("adopt-differs endpoint x: the device exists and is not ovl's, and its other end "
                       "is zz in the host's own namespace, not veth"))
      << said;
}

TEST_F(ObstaclesOfHost, ARuleThatRefusesTheGatewayIsAConflictBeforeAndAWarningAfter) {
  space("x").netns = Netns{.name = netns("x")};
  space("x").overruled = {{.message = "rule 100 there drops", .removal = "ip -n x rule del pref 100"}};
  EXPECT_EQ(told(), "hidden-prefix : rule 100 there drops");
  space("x").overruled.front().refuses_gateway = true;
  EXPECT_EQ(told(), "foreign-route endpoint x: rule 100 there drops");
  space("x").overruled.clear();
  ASSERT_TRUE(apply(kOneEndpoint).ok());
  space("x").overruled = {{.message = "rule 100 there drops", .removal = "", .refuses_gateway = true}};
  EXPECT_EQ(told(), "hidden-prefix : rule 100 there drops");
}

TEST_F(ObstaclesOfHost, TwoNamesOfOneNamespaceAreAConflictOfBothEndpoints) {
  const std::string two = std::string(kOneEndpoint) + "[endpoint.y]\nhost = \"a\"\nnetwork = \"web\"\n";
  for (const char* name : {"x", "y"}) space(name).netns = Netns{.name = netns(name), .born = "boot 7"};
  EXPECT_EQ(told(two),
            "shared-netns endpoint x: it is the same namespace as netns y, which is another endpoint's; "
            "shared-netns endpoint y: it is the same namespace as netns x, which is another endpoint's");
  space("y").netns->born = "boot 8";
  EXPECT_EQ(told(two), "");
}

TEST_F(ObstaclesOfHost, AWayOutThatTheFilterDoesNotKnowIsAWarning) {
  HostFacts facts;
  facts.machine = "machine-a";
  facts.uplinks = {IfName::parse("eth0").value()};
  kernel_.set_facts(facts);
  kernel_.set_way_out(IfName::parse("eth0").value());
  EXPECT_EQ(told(), "");
  kernel_.set_way_out(IfName::parse("wg0").value());
  EXPECT_EQ(told(),
            "way-out-elsewhere : what endpoints send out goes by wg0, where none of it is let out: the main "
            "table has no default route by it");
  std::string inside = kOneEndpoint;
  inside.replace(inside.find("[endpoint"), 0, "internal = true\n");
  EXPECT_EQ(told(inside), "");
}

}  // namespace ovl
