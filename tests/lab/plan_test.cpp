// From a manifest to a lab, as values.
#include "tests/lab/lab_fixture.hpp"

namespace ovl::test {

namespace {

NetworkBlock network_block(std::string_view name, std::string_view subnet) {
  NetworkBlock network;
  network.name = parsed<Label>(name);
  const auto prefix = IpPrefix::parse_exact(subnet);
  EXPECT_TRUE(prefix.ok()) << subnet;
  network.subnets.push_back({.value = prefix.value(), .place = {}});
  return network;
}

LabPlan planned(const Manifest& manifest) {
  return must(plan_lab(manifest));
}

Error refusal(const Manifest& manifest) {
  const auto plan = plan_lab(manifest);
  EXPECT_FALSE(plan.ok());
  return plan.ok() ? Error{} : plan.error();
}

// "alpha eth1 192.168.99.104/24", one per host.
std::vector<std::string> hosts_of(const LabPlan& plan) {
  std::vector<std::string> lines;
  for (const LabHost& host : plan.hosts) {
    lines.push_back(host.name.text() + " " + host.interface.text() + " " + host.address.text());
  }
  return lines;
}

// "192.168.99.0/24 via 192.168.99.1", one per segment.
std::vector<std::string> segments_of(const LabPlan& plan) {
  std::vector<std::string> lines;
  for (const LabSegment& segment : plan.segments) {
    lines.push_back(segment.subnet.text() + " via " + segment.router.text());
  }
  return lines;
}

using Lines = std::vector<std::string>;

TEST(LabPlan, AnAdvertisedAddressIsOnEth1) {
  const LabPlan plan =
      planned(manifest_of({host_block("alpha", "192.168.99.104"), host_block("beta", "fd00:9::7")}));
  EXPECT_EQ(hosts_of(plan), (Lines{"alpha eth1 192.168.99.104/24", "beta eth1 fd00:9::7/64"}));
  EXPECT_EQ(segments_of(plan), (Lines{"192.168.99.0/24 via 192.168.99.1", "fd00:9::/64 via fd00:9::1"}));
}

TEST(LabPlan, TheRouterTakesAnAddressThatNoHostHas) {
  const LabPlan plan =
      planned(manifest_of({host_block("alpha", "10.1.1.1"), host_block("beta", "10.1.1.2")}));
  EXPECT_EQ(segments_of(plan), (Lines{"10.1.1.0/24 via 10.1.1.3"}));
}

TEST(LabPlan, AnAdvertisedInterfaceGetsAFreeAddress) {
  const LabPlan plan = planned(manifest_of(
      {host_block("alpha", "wan0"), host_block("beta", "192.168.99.2"), host_block("gamma", "eth7")}));
  EXPECT_EQ(hosts_of(plan),
            (Lines{"alpha wan0 192.168.99.3/24", "beta eth1 192.168.99.2/24", "gamma eth7 192.168.99.4/24"}));
}

TEST(LabPlan, TheChosenSubnetOverlapsNoNetwork) {
  Manifest manifest = manifest_of({host_block("alpha", "eth1")});
  manifest.networks.push_back(network_block("a", "192.168.96.0/22"));
  manifest.networks.push_back(network_block("b", "192.168.100.128/25"));
  EXPECT_EQ(hosts_of(planned(manifest)), (Lines{"alpha eth1 192.168.101.2/24"}));
}

TEST(LabPlan, TheOrderOfTheHostsMakesNoDifference) {
  std::vector<HostBlock> hosts{host_block("alpha", "10.1.1.1"), host_block("beta", "10.0.0.7"),
                               host_block("gamma", "10.1.1.9")};
  const LabPlan plan = planned(manifest_of(hosts));
  std::ranges::reverse(hosts);
  EXPECT_EQ(planned(manifest_of(hosts)), plan);
}

TEST(LabPlan, TheKeystoreIsTheFileAndWhatSqliteKeepsBesideIt) {
  EXPECT_EQ(
      planned(manifest_of({host_block("alpha", "eth1")})).shared_files,
      (Lines{"/var/lib/ovl/keystore.db", "/var/lib/ovl/keystore.db-shm", "/var/lib/ovl/keystore.db-wal"}));
}

TEST(LabPlan, SurvivesItsJson) {
  const LabPlan plan = planned(manifest_of({host_block("alpha", "eth1"), host_block("b.c", "fd00::5")}));
  EXPECT_EQ(must(decode<LabPlan>(must(Value::parse_json(encode(plan).json())))), plan);
}

TEST(LabPlan, AServerHasAMachineOfItsOwnBesideTheHosts) {
  for (const auto& [url, store] : {std::pair{"etcd://10.0.0.9:2379", "etcd"},
                                   {"consul://10.0.0.9:8500", "consul"},
                                   {"zk://10.0.0.9", "zookeeper"}}) {
    Manifest manifest = manifest_of({host_block("alpha", "10.0.0.1")});
    manifest.keystore.url.value = url;
    const auto plan = plan_lab(manifest);
    ASSERT_TRUE(plan.ok()) << plan.error().message;
    ASSERT_TRUE(plan.value().server) << url;
    EXPECT_EQ(plan.value().server->store, store);
    EXPECT_EQ(plan.value().server->machine.text(), kLabKeystore);
    EXPECT_EQ(plan.value().server->address.text(), "10.0.0.9/24");
  }
}

TEST(LabPlan, AServerWithAHostsAddressRunsOnThatHost) {
  Manifest manifest = manifest_of({host_block("alpha", "10.0.0.1"), host_block("beta", "10.0.0.2")});
  manifest.keystore.url.value = "etcd://10.0.0.2";
  const auto plan = plan_lab(manifest);
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_EQ(plan.value().server->machine.text(), "beta");
}

TEST(LabPlan, ServersThatCannotBeStartedAreRefused) {
  for (const char* url : {"etcd://127.0.0.1", "consul://store.example", "zk://10.0.0.8,10.0.0.9"}) {
    Manifest manifest = manifest_of({host_block("alpha", "10.0.0.1")});
    manifest.keystore.url.value = url;
    EXPECT_EQ(refusal(manifest).code, Errc::unsupported) << url;
  }
  Manifest elsewhere = manifest_of({host_block("alpha", "10.0.0.1")});
  elsewhere.keystore.url.value = "etcd://10.7.0.9";
  EXPECT_EQ(refusal(elsewhere).code, Errc::usage);
}

// Who knows a password is somebody at ZooKeeper; the others would have to be told first.
TEST(LabPlan, UsersAreZookeepersAlone) {
  for (const auto& [url, is_planned] :
       {std::pair{"zk://10.0.0.9", true}, {"etcd://10.0.0.9", false}, {"consul://10.0.0.9", false}}) {
    Manifest manifest = manifest_of({host_block("alpha", "10.0.0.1")});
    manifest.keystore.url.value = url;
    manifest.keystore.user = SecretRef{.name = "STORE_USER"};
    manifest.keystore.password = SecretRef{.name = "STORE_PASSWORD"};
    EXPECT_EQ(plan_lab(manifest).ok(), is_planned) << url;
    manifest.keystore.tls_ca = SecretRef{.where = SecretRef::Where::file, .name = "ca.pem"};
    EXPECT_FALSE(plan_lab(manifest).ok()) << url;
  }
}

TEST(LabPlan, WhatNoLabCanGiveIsRefused) {
  EXPECT_EQ(refusal(manifest_of({})).code, Errc::usage);
  EXPECT_EQ(refusal(manifest_of({host_block("alpha", "lo")})).code, Errc::usage);
  EXPECT_EQ(refusal(manifest_of({host_block("alpha", "203.0.113.9")})).code, Errc::usage);
  EXPECT_EQ(refusal(manifest_of({host_block("alpha", "10.0.0.255")})).code, Errc::usage);
  EXPECT_EQ(refusal(manifest_of({host_block("a", "10.0.0.1"), host_block("b", "10.0.0.1")})).code,
            Errc::usage);
  const std::string long_name = std::string(40, 'a') + "." + std::string(40, 'b');
  EXPECT_EQ(refusal(manifest_of({host_block(long_name, "10.0.0.1")})).code, Errc::usage);
  HostBlock behind_nat = host_block("alpha", "10.0.0.1");
  behind_nat.bind = Located<IpAddress>{.value = parsed<IpAddress>("10.9.0.1"), .place = {}};
  EXPECT_EQ(refusal(manifest_of({behind_nat})).code, Errc::unsupported);
}

TEST(LabPlan, AFullSegmentIsRefused) {
  std::vector<HostBlock> hosts;
  for (int i = 0; i < 254; ++i) hosts.push_back(host_block("h" + std::to_string(1000 + i), "eth1"));
  EXPECT_EQ(refusal(manifest_of(hosts)).code, Errc::usage);
  hosts.pop_back();
  EXPECT_EQ(planned(manifest_of(hosts)).hosts.size(), 253U);
}

TEST(LabNetwork, NothingOfItIsMarkedAsOvls) {
  const Plan plan = plan_lab_network(planned(manifest_of({host_block("alpha", "eth1")})));
  EXPECT_TRUE(plan.conflicts.empty());
  for (const NamespaceObjects& space : plan.desired.namespaces) {
    EXPECT_FALSE(space.name.empty()) << "the machine's own namespace";
    EXPECT_EQ(space.netns->owner, "");
    for (const Link& link : space.links) {
      EXPECT_EQ(link.group, 0U);
      EXPECT_EQ(link.alias, "");
    }
    for (const Route& route : space.routes) EXPECT_NE(route.protocol, kRouteProtocol);
  }
}

TEST(LabNetwork, IsAllCreated) {
  const Plan plan = plan_lab_network(planned(manifest_of({host_block("alpha", "eth1")})));
  std::size_t objects = 0;
  for (const NamespaceObjects& space : plan.desired.namespaces) {
    ++objects;
    for_each_kind([&](auto member) { objects += (space.*member).size(); });
  }
  EXPECT_EQ(count(plan).create, objects);
  EXPECT_EQ(plan.object_changes.size(), objects);
}

}  // namespace

}  // namespace ovl::test
