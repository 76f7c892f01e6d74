// A gateway pool that would take something away from its host, and what a record may not hold.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "reconcile/manifest/parse.hpp"
#include "reconcile/objects/held_by_pool.hpp"
#include "reconcile/records/resolve.hpp"
#include "reconcile/store/store_view.hpp"

namespace ovl {

namespace {

std::string ids_of(const std::string& text) {
  std::string ids;
  for (const Diagnostic& found : parse({{.name = "ovl.toml", .text = text}}).diagnostics) {
    ids += (ids.empty() ? "" : " ") + found.id.text();
  }
  return ids;
}

std::string with_pool(const std::string& pool) {
  return "[cluster]\nname = \"demo\"\n[host.a]\nadvertise = \"192.168.57.5\"\ngateway_pool = \"" + pool +
         "\"\n";
}

TEST(Pools, ThoseInWhichNoBridgeCanLiveAreNoManifest) {
  for (const char* pool : {"127.0.0.0/8", "127.3.0.0/16", "224.0.0.0/8", "239.1.0.0/16", "169.254.0.0/16",
                           "0.0.0.0/8", "240.0.0.0/4", "0.0.0.0/0", "172.18.0.0/31", "fd00::/64"}) {
    EXPECT_EQ(ids_of(with_pool(pool)), "unfit-subnet") << pool;
  }
  EXPECT_EQ(ids_of(with_pool("172.30.57.0/24")), "");
}

struct Around {
  Records records;
  Facts facts;

  Around() {
    HostRecord self;
    self.name = HostName::parse("a").value();
    HostRecord peer;
    peer.name = HostName::parse("b").value();
    peer.advertise = IpAddress::parse("203.0.113.9").value();
    records.hosts = {self, peer};
    HostFacts own{.host = self.name};
    own.addresses = {IpAddress::parse("192.168.57.5").value()};
    own.nameservers = {IpAddress::parse("198.51.100.53").value()};
    for (const char* route : {"192.168.57.0/24", "192.168.0.0/16", "10.8.0.0/16"}) {
      own.routes.push_back(
          {.destination = IpPrefix::parse_exact(route).value(), .dev = IfName::parse("eth1").value()});
    }
    facts.set(own);
  }

  std::string held(const char* pool) const {
    const ProjectInput input{
        .cluster = Label::parse("demo").value(),
        .host = HostName::parse("a").value(),
        .records = records,
        .facts = facts,
        .keystores = {{IpAddress::parse("100.64.0.9").value(), UdpPort::unchecked(2379)}}};
    return held_by_pool(IpPrefix::parse_exact(pool).value(), input);
  }
};

TEST(Pools, HoldNothingOfTheirHosts) {
  const Around around;
  EXPECT_EQ(around.held("192.168.57.0/24"), "holds this host's address 192.168.57.5");
  EXPECT_EQ(around.held("192.168.57.0/29"), "holds this host's address 192.168.57.5");
  EXPECT_EQ(around.held("192.168.57.128/25"), "is part of this host's own subnet 192.168.57.0/24");
  EXPECT_EQ(around.held("10.0.0.0/8"), "holds this host's route to 10.8.0.0/16");
  EXPECT_EQ(around.held("198.51.100.0/24"), "holds this host's nameserver 198.51.100.53");
  EXPECT_EQ(around.held("203.0.113.0/24"), "holds the VTEP 203.0.113.9 of host b");
  EXPECT_EQ(around.held("100.64.0.0/16"), "holds the keystore's address 100.64.0.9");
}

TEST(Pools, MayBePartOfALargerPrefixThatARouterServes) {
  const Around around;
  EXPECT_EQ(around.held("192.168.99.0/24"), "");
  EXPECT_EQ(around.held("10.8.3.0/24"), "");
  EXPECT_EQ(around.held("172.18.0.0/16"), "");
}

// In the main table the longest prefix counts, so that a pool may lie in what the host drops as a whole. A
// rule may have another table asked first, where it is no more than a part of what that holds.
TEST(Pools, HoldNoRouteOfAnotherTableAndNothingThatIsDropped) {
  Around around;
  HostFacts own = *around.facts.host(HostName::parse("a").value());
  const auto hold = [&](const char* to, RouteType type, std::uint32_t table) {
    own.held.push_back({.destination = IpPrefix::parse_exact(to).value(), .type = type, .table = table});
  };
  hold("198.18.0.0/24", RouteType::unicast, 77);
  hold("100.80.0.0/12", RouteType::unreachable, 77);
  hold("172.16.0.0/12", RouteType::blackhole, kMainTable);
  hold("172.20.7.0/24", RouteType::prohibit, kMainTable);
  around.facts.set(own);
  EXPECT_EQ(around.held("198.18.0.0/16"), "holds this host's route to 198.18.0.0/24 in table 77");
  EXPECT_EQ(around.held("198.18.0.0/24"), "holds this host's route to 198.18.0.0/24 in table 77");
  EXPECT_EQ(around.held("198.18.0.128/25"), "is within this host's route to 198.18.0.0/24 in table 77");
  EXPECT_EQ(around.held("100.80.4.0/24"),
            "is within this host's unreachable route to 100.80.0.0/12 in table 77");
  EXPECT_EQ(around.held("172.18.0.0/16"), "") << "a part of what is dropped as a whole";
  EXPECT_EQ(around.held("172.16.0.0/12"), "holds this host's blackhole route to 172.16.0.0/12");
  EXPECT_EQ(around.held("172.20.0.0/16"), "holds this host's prohibit route to 172.20.7.0/24");
  EXPECT_EQ(around.held("172.20.7.0/25"), "") << "a part of what is dropped as a whole";
}

// What a host knows when it chooses its own pool counts then.
TEST(Pools, AreNotChosenWhereAnotherTableLeads) {
  const std::string text =
      "[cluster]\nname = \"demo\"\n[host.a]\nadvertise = \"192.0.2.1\"\n[network.n]\nsubnet = "
      "\"10.0.9.0/24\"\n[endpoint.web]\nnetwork = \"n\"\nhost = \"a\"\n";
  const Parsed parsed = parse({{.name = "ovl.toml", .text = text}});
  ASSERT_TRUE(parsed.diagnostics.empty());
  HostFacts own{.host = HostName::parse("a").value()};
  const auto chosen = [&] {
    Facts facts;
    facts.set(own);
    return resolve(parsed.manifest, {}, facts).records.hosts.front().gateway_pool->text();
  };
  EXPECT_EQ(chosen(), "172.18.0.0/16");
  own.held = {{.destination = IpPrefix::parse_exact("172.18.4.0/24").value(), .table = 77},
              {.destination = IpPrefix::parse_exact("172.16.0.0/12").value(), .type = RouteType::blackhole}};
  EXPECT_EQ(chosen(), "172.19.0.0/16");
  own.held.push_back(
      {.destination = IpPrefix::parse_exact("172.19.0.0/24").value(), .type = RouteType::unreachable});
  EXPECT_EQ(chosen(), "172.20.0.0/16");
}

// ---- chosen ones, and what is declared later -------------------------------------------------------

constexpr const char* kChosen = R"([cluster]
name = "demo"
[host.a]
advertise = "192.0.2.1"
[network.m]
[network.n]
subnet = "10.0.9.0/24"
[endpoint.web]
host = "a"
[endpoint.web.networks.m]
[endpoint.web.networks.n]
)";

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  return text.replace(text.find(what), what.size(), by);
}

Resolved resolved(const std::string& text, const Records& current) {
  const Parsed parsed = parse({{.name = "ovl.toml", .text = text}});
  EXPECT_TRUE(parsed.diagnostics.empty()) << text;
  return resolve(parsed.manifest, current, {});
}

TEST(Pools, AChosenOneGivesWayToADeclaredSubnet) {
  const Records before = resolved(kChosen, {}).records;
  EXPECT_EQ(before.hosts[0].gateway_pool->text(), "172.18.0.0/16");
  for (const char* subnet : {"172.18.0.0/16", "172.16.0.0/12", "172.18.5.0/24"}) {
    const std::string text = replaced(kChosen, "10.0.9.0/24", subnet);
    const Resolved after = resolved(text, before);
    EXPECT_TRUE(after.problems.empty()) << subnet;
    EXPECT_FALSE(after.records.hosts[0].gateway_pool->overlaps(IpPrefix::parse_exact(subnet).value()))
        << subnet;
    EXPECT_EQ(resolved(text, after.records).records, after.records) << subnet;
    // Nobody there has both.
    const std::string inside = replaced(replaced(text, "[network.m]", "[network.m]\ninternal = true"),
                                        "subnet =", "internal = true\nsubnet =");
    EXPECT_EQ(resolved(inside, before).records.hosts[0].gateway_pool, before.hosts[0].gateway_pool);
  }
}

TEST(Pools, AChosenSubnetUnderADeclaredPrefixIsTold) {
  const Records before = resolved(kChosen, {}).records;
  EXPECT_EQ(before.networks[0].subnets[0].text(), "10.0.0.0/24");
  const std::string under = replaced(kChosen, "10.0.9.0/24", "10.0.0.0/16");
  const std::string pool =
      replaced(kChosen, "\"192.0.2.1\"", "\"192.0.2.1\"\ngateway_pool = \"10.0.0.0/22\"");
  for (const std::string& text : {under, pool}) {
    const Resolved after = resolved(text, before);
    ASSERT_EQ(after.problems.size(), 1U) << text;
    EXPECT_EQ(after.problems[0].id.text(), "subnets-overlap");
    EXPECT_NE(after.problems[0].message.find("network \"m\" (10.0.0.0/24, chosen earlier)"),
              std::string::npos)
        << after.problems[0].message;
    EXPECT_TRUE(resolved(replaced(text, "[endpoint.web.networks.n]\n", ""), before).problems.empty() ==
                (text == under));
  }
}

// ---- records -------------------------------------------------------------------------------------

constexpr const char* kManifest = R"([cluster]
name = "demo"
[host.a]
advertise = "192.0.2.1"
gateway_pool = "172.20.0.0/16"
[network.n]
subnet = "10.0.9.0/24"
[endpoint.web]
network = "n"
host = "a"
aliases = ["www"]
[endpoint.db]
network = "n"
host = "a"
)";

// What the reader says about these records after one change; empty: it takes all of them.
template <class Change>
std::string refusal_after(const Change& change) {
  const Parsed parsed = parse({{.name = "ovl.toml", .text = kManifest}});
  EXPECT_TRUE(parsed.diagnostics.empty());
  StoreView view;
  view.records = resolve(parsed.manifest, {}, {}).records;
  change(view.records);
  validate_set(view);
  return view.refused.empty() ? "" : view.refused.front().subject + ": " + view.refused.front().message;
}

TEST(RecordRules, AreThoseOfManifests) {
  EXPECT_EQ(refusal_after([](Records&) {}), "");
  const auto pool = [](const char* text) {
    return refusal_after(
        [&](Records& records) { records.hosts[0].gateway_pool = IpPrefix::parse_exact(text).value(); });
  };
  EXPECT_EQ(pool("127.0.0.0/8"), "hosts/a: its gateway pool 127.0.0.0/8 holds loopback addresses");
  EXPECT_EQ(pool("224.0.0.0/8"), "hosts/a: its gateway pool 224.0.0.0/8 holds multicast addresses");
  EXPECT_EQ(refusal_after([](Records& records) {
              records.networks[0].ip_range = {IpPrefix::parse_exact("10.0.8.0/24").value()};
            }),
            "networks/n: the range 10.0.8.0/24 is in no subnet of it");
  EXPECT_EQ(refusal_after([](Records& records) {
              records.networks[0].reserved = {IpAddress::parse("10.0.8.1").value()};
            }),
            "networks/n: the reserved address 10.0.8.1 is in no subnet of it");
  EXPECT_EQ(refusal_after([](Records& records) {
              records.endpoints[0].mac = MacAddress::from_ipv4(records.networks[0].gateways[0]);
            }),
            "endpoints/n/db: 02:42:0a:00:09:01 is its gateway's MAC");
}

// Some the kernel gives to no device, others are its own, and none of them is ever written by ovl.
TEST(RecordRules, InterfacesAreCalledAsOvlCallsThem) {
  const auto inner = [](const char* name) {
    return refusal_after(
        [&](Records& records) { records.endpoints[0].interface = IfName::from_kernel(name); });
  };
  const auto outer = [](const char* name) {
    return refusal_after(
        [&](Records& records) { records.endpoints[0].gateway_interface = IfName::from_kernel(name); });
  };
  for (const char* name :
       {"all", "default", "lo", "sit0", "eth", "eth01", "eth-1", "ethx", "veth0", "eth0a"}) {
    EXPECT_EQ(inner(name), fmt::format("endpoints/n/db: no interface of an endpoint is called {}", name));
    EXPECT_EQ(outer(name), fmt::format("endpoints/n/db: no interface of an endpoint is called {}", name));
  }
  EXPECT_EQ(inner("eth7"), "");
  EXPECT_EQ(inner("eth1023"), "");
  EXPECT_EQ(outer("eth10"), "");
}

TEST(RecordRules, ANameLeadsToOneEndpointAndAnAliasToSeveral) {
  const auto share = [](Records& records) { records.endpoints[0].aliases = records.endpoints[1].aliases; };
  EXPECT_EQ(refusal_after(share), "");
  EXPECT_EQ(
      refusal_after([](Records& records) { records.endpoints[0].aliases = {Alias::parse("web").value()}; }),
      "endpoints/n/db: name web has two holders");
}

TEST(RecordRules, TheGatewaysMacIsNobodys) {
  const std::string text = kManifest;
  EXPECT_EQ(ids_of(text + "mac = \"02:42:0a:00:09:01\"\n"), "duplicate-mac");
  EXPECT_EQ(ids_of(text + "mac = \"02:42:0a:00:09:07\"\n"), "");
}

}  // namespace

}  // namespace ovl
