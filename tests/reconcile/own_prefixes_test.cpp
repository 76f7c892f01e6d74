// What ovl chose is never another program's: it is looked at on the host itself, whenever that is planned.
#include <gtest/gtest.h>

#include <algorithm>

#include "reconcile/manifest/covering.hpp"
#include "tests/reconcile/one_host.hpp"

namespace ovl {

namespace {

constexpr const char* kChosen = R"([cluster]
name = "demo"
[host.a]
advertise = "192.0.2.1"
[network.n]
[endpoint.web]
network = "n"
host = "a"
)";

IpPrefix prefix(const std::string& text) {
  return IpPrefix::parse_exact(text).value();
}

std::string with(std::string text, const std::string& what, const std::string& by) {
  return text.replace(text.find(what), what.size(), by);
}

class OwnPrefixes : public OneHost {
 protected:
  // This host has a device of somebody's, as of a compose network, and asks a nameserver.
  void surround(const std::string& address, const std::string& network, const std::string& nameserver = "") {
    HostFacts facts;
    facts.machine = "machine-a";
    if (!address.empty()) facts.addresses = {IpAddress::parse(address).value()};
    if (!network.empty())
      facts.routes = {{.destination = prefix(network), .dev = IfName::parse("br-1").value()}};
    if (!nameserver.empty()) facts.nameservers = {IpAddress::parse(nameserver).value()};
    kernel_.set_facts(std::move(facts));
  }

  static std::string pool_of(const Planned& planned) {
    return planned.draft.desired.hosts.front().gateway_pool->text();
  }

  // "id part: message" of each.
  static std::string told(const std::vector<Finding>& findings) {
    std::string out;
    for (const Finding& one : findings) {
      out += (out.empty() ? "" : "; ") + one.id.text() + " " + one.part + ": " + one.message;
    }
    return out;
  }

  std::string conflicts(const std::string& text) {
    const auto planned = plan(text);
    EXPECT_TRUE(planned.ok()) << planned.error().message;
    return planned.ok() ? told(planned.value().plan.conflicts) : "";
  }

  void apply_cluster() {
    const Manifest manifest = parsed(kChosen);
    const auto done = apply(Scope::cluster, &manifest);
    ASSERT_TRUE(done.ok()) << done.error().message;
    ASSERT_EQ(pool_of(done.value().planned), "172.18.0.0/16") << "nothing is known of the host";
  }
};

}  // namespace

TEST_F(OwnPrefixes, ThePoolOfAHostIsChosenByThatHost) {
  apply_cluster();
  surround("172.18.0.1", "172.18.0.0/16");
  const auto done = apply(kChosen);
  ASSERT_TRUE(done.ok()) << done.error().message;
  EXPECT_EQ(told(done.value().left), "");
  EXPECT_EQ(pool_of(done.value().planned), "172.19.0.0/16");
  const auto& addresses = space("").addresses;
  EXPECT_TRUE(
      std::ranges::any_of(addresses, [](const Address& a) { return a.address.text() == "172.19.0.1/16"; }));
  EXPECT_EQ(conflicts(kChosen), "");
}

// Endpoints have addresses of it: it is not taken from them.
TEST_F(OwnPrefixes, APoolInUseIsKeptAndAConflictOfTheGateway) {
  ASSERT_TRUE(apply(kChosen).ok());
  surround("172.18.0.1", "172.18.0.0/16");
  const auto planned = plan(kChosen);
  ASSERT_TRUE(planned.ok());
  EXPECT_EQ(pool_of(planned.value()), "172.18.0.0/16");
  EXPECT_EQ(told(planned.value().plan.conflicts),
            "pool-in-use the gateway: its gateway pool 172.18.0.0/16 holds this host's address 172.18.0.1");
}

// Who follows the records writes none: the rest of the host is made, and its facts are there for who does.
TEST_F(OwnPrefixes, APoolThatAFollowerCantHaveStopsItsGatewayAlone) {
  apply_cluster();
  surround("172.18.0.1", "172.18.0.0/16");
  const auto done = apply(Scope::host, nullptr);
  ASSERT_TRUE(done.ok()) << done.error().message;
  EXPECT_EQ(told(done.value().left),
            "pool-in-use the gateway: its gateway pool 172.18.0.0/16 holds this host's address 172.18.0.1");
  EXPECT_TRUE(exists("ovl-n"));
  const auto again = apply(kChosen);
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(pool_of(again.value().planned), "172.19.0.0/16");
}

TEST_F(OwnPrefixes, AChosenSubnetIsLookedAtAtEachPlan) {
  ASSERT_TRUE(apply(kChosen).ok());
  surround("", "", "10.0.0.2");
  const std::string expected = "subnet-in-use network n: its chosen subnet 10.0.0.0/24 holds this host's ";
  EXPECT_EQ(conflicts(kChosen), expected + "nameserver 10.0.0.2");
  surround("", "10.0.0.128/25");
  EXPECT_EQ(conflicts(kChosen), expected + "route to 10.0.0.128/25");
  surround("", "10.0.0.0/8");
  EXPECT_EQ(conflicts(kChosen), "") << "a router serves the larger one";
  surround("10.0.0.9", "10.0.0.0/8");
  EXPECT_EQ(conflicts(kChosen), expected + "address 10.0.0.9");
  EXPECT_EQ(conflicts(with(kChosen, "[network.n]", "[network.n]\ninternal = true")), "")
      << "its endpoints reach nothing of the host's anyway";
  EXPECT_EQ(conflicts(with(kChosen, "[network.n]", "[network.n]\nsubnet = \"10.0.0.0/24\"")), "")
      << "the operator's word";
}

// What is looked at later is looked at when it is chosen.
TEST_F(OwnPrefixes, ASubnetIsNotChosenWhereAnotherTableLeads) {
  HostFacts facts;
  facts.machine = "machine-a";
  facts.held = {{.destination = prefix("10.0.0.0/23"), .table = 77},
                {.destination = prefix("10.0.2.0/24"), .type = RouteType::blackhole},
                {.destination = prefix("10.0.0.0/8"), .type = RouteType::blackhole}};
  kernel_.set_facts(std::move(facts));
  const auto planned = plan(kChosen);
  ASSERT_TRUE(planned.ok());
  EXPECT_EQ(planned.value().draft.desired.networks.front().subnets.front().text(), "10.0.3.0/24");
  EXPECT_EQ(told(planned.value().plan.conflicts), "");
}

TEST_F(OwnPrefixes, ADeclaredSubnetOverTheUnderlayIsAWarning) {
  surround("192.0.2.1", "192.0.2.0/24");
  const std::string text = with(kChosen, "[network.n]", "[network.n]\nsubnet = \"192.0.2.128/25\"");
  const auto planned = plan(text);
  ASSERT_TRUE(planned.ok());
  EXPECT_EQ(told(planned.value().plan.warnings),
            "subnet-covers : its subnet 192.0.2.128/25 overlaps 192.0.2.0/24, by which this host reaches the "
            "others");
}

TEST(CoveringSubnets, AreToldWithBothPlaces) {
  const auto told = [](const std::string& subnet, const std::string& host, const std::string& url) {
    const Parsed parsed =
        parse({{.name = "ovl.toml",
                .text = "[cluster]\nname = \"demo\"\n[keystore]\nallow_plaintext = true\nurl = \"" + url +
                        "\"\n[host.a]\n" + host + "\n[network.n]\nsubnet = \"" + subnet + "\"\n"}});
    EXPECT_TRUE(parsed.diagnostics.empty());
    std::string out;
    for (const Diagnostic& one : covering_subnets(parsed.manifest)) {
      EXPECT_EQ(one.severity, Severity::warning);
      out += std::to_string(one.place.line) + ": " + one.message + " " +
             std::to_string(one.notes.front().place.line);
    }
    return out;
  };
  const std::string end = ", which no endpoint of network \"n\" reaches then ";
  const std::string here = "advertise = \"192.0.2.1\"";
  EXPECT_EQ(told("10.0.0.0/24", here, "etcd://10.9.0.1"), "");
  EXPECT_EQ(
      told("10.0.0.0/24", here + "\ngateway_pool = \"192.0.0.0/16\"", "etcd://10.9.0.1"),
      "8: 192.0.0.0/16 holds the address 192.0.2.1 of host \"a\", which no endpoint on host \"a\" reaches "
      "then 7");
  EXPECT_EQ(told("192.0.2.0/24", here, "etcd://10.9.0.1"),
            "9: 192.0.2.0/24 holds the address 192.0.2.1 of host \"a\"" + end + "7");
  EXPECT_EQ(told("10.9.0.0/16", here, "etcd://db:2379,10.9.0.1"),
            "9: 10.9.0.0/16 holds the address 10.9.0.1 of the keystore" + end + "5");
  EXPECT_EQ(told("10.9.0.0/16", here + "\nbind = \"10.9.0.4\"", "sqlite:///k.db"),
            "10: 10.9.0.0/16 holds the address 10.9.0.4 of host \"a\"" + end + "8");
  EXPECT_EQ(told("10.9.0.0/16", "advertise = \"eth0\"", "sqlite:///k.db"), "");
}

}  // namespace ovl
