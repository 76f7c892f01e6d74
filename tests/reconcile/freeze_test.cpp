// What one tenant does in its namespace, or one object that somebody else made, stops only its own part of
// the host: all the rest is made, verified and remembered.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "reconcile/cluster/standing.hpp"
#include "reconcile/objects/operations.hpp"
#include "tests/reconcile/one_host.hpp"

namespace ovl {

namespace {

using ::testing::HasSubstr;

constexpr const char* kManifest = R"(
[cluster]
name = "demo"
[keystore]
url = "sqlite:///keystore.db"
[host.a]
advertise = "192.0.2.1"
[network.net]
subnet = "10.0.0.0/24"
[network.other]
subnet = "10.0.1.0/24"
[endpoint.bad]
network = "net"
host = "a"
[endpoint.web]
network = "net"
host = "a"
[endpoint.db]
network = "other"
host = "a"
)";

class FreezeTest : public OneHost {
 protected:
  // Applies; what was left as it is must be this part alone, in these words.
  void leaves(const std::string& part, const std::string& words) {
    const auto done = apply(kManifest);
    ASSERT_TRUE(done.ok()) << done.error().message;
    ASSERT_FALSE(done.value().left.empty());
    for (const Finding& finding : done.value().left) EXPECT_EQ(finding.part, part);
    const Finding& first = done.value().left.front();
    EXPECT_THAT(first.subject + ": " + first.message, HasSubstr(words));
    EXPECT_EQ(done.value().serial, 1);
    EXPECT_EQ(state_->records().value().serial, 1) << "it is remembered";
    EXPECT_THAT(standing(), HasSubstr("frozen: " + part));
  }

  std::string standing() {
    const auto keystore = store_.connect();
    const auto view = read_store(*keystore, StoreLayout(Label::parse("demo").value()));
    return view.ok() ? standing_of(view.value(), HostName::parse("a").value()).text : view.error().message;
  }

  HostStatus published() {
    const auto keystore = store_.connect();
    const auto view = read_store(*keystore, StoreLayout(Label::parse("demo").value()));
    EXPECT_TRUE(view.ok() && view.value().status.contains("a"));
    return view.ok() ? view.value().status.at("a") : HostStatus();
  }

  // Once nothing stands in the way any more.
  void heals() {
    const auto done = apply(kManifest);
    ASSERT_TRUE(done.ok()) << done.error().message;
    EXPECT_TRUE(done.value().left.empty());
    const auto again = plan(kManifest);
    ASSERT_TRUE(again.ok());
    EXPECT_TRUE(again.value().plan.empty());
    EXPECT_EQ(standing(), "up to date");
  }

  // With a device of ours in it that has its address.
  bool is_connected(const std::string& name) {
    const NamespaceObjects& inside = space(name);
    return std::ranges::any_of(inside.addresses,
                               [](const Address& address) { return address.dev.view() == "eth0"; });
  }

  std::size_t ports_of(const std::string& name) {
    std::size_t count = 0;
    for (const NamespaceObjects& one : kernel_.objects().namespaces) {
      count += static_cast<std::size_t>(std::ranges::count_if(
          one.links, [&](const Link& link) { return link.peer && link.peer->netns == netns(name); }));
    }
    return count;
  }

  void put_device(const std::string& where, const std::string& name) {
    if (!where.empty() && !space(where).netns) space(where).netns = Netns{.name = netns(where)};
    space(where).links.push_back(Link{.name = IfName::from_kernel(name), .type = LinkType::other});
    kernel_.objects().sort();
  }

  void remove_device(const std::string& where, const std::string& name) {
    std::erase_if(space(where).links, [&](const Link& link) { return link.name.view() == name; });
  }
};

TEST_F(FreezeTest, ADeviceOfTheTenantsOwn) {
  put_device("bad", "eth0");
  leaves("endpoint bad", "link bad:eth0: a device of this name exists and is not ovl's");
  EXPECT_TRUE(is_connected("web"));
  EXPECT_TRUE(is_connected("db"));
  EXPECT_EQ(ports_of("bad"), 0U) << "no half of a pair";
  EXPECT_EQ(space("bad").links.size(), 1U) << "nothing is made in it";
  remove_device("bad", "eth0");
  heals();
  EXPECT_TRUE(is_connected("bad"));
}

// Others see which objects these are, also when nothing else changes.
TEST_F(FreezeTest, WhatDiffersInAFrozenPartIsPublished) {
  put_device("bad", "eth0");
  leaves("endpoint bad", "link bad:eth0: a device of this name exists and is not ovl's");
  const HostStatus first = published();
  ASSERT_FALSE(first.differs.empty());
  EXPECT_EQ(first.differs.front(), "link.bad[\"eth0\"]") << "what is in the way comes first";
  EXPECT_THAT(first.differs, ::testing::Contains(HasSubstr("address.bad"))) << "what is not made for it";
  EXPECT_EQ(static_cast<std::size_t>(first.drift), first.differs.size());
  EXPECT_THAT(first.differs, ::testing::Not(::testing::Contains(HasSubstr("web"))));

  put_device("bad", "eth1");
  ASSERT_TRUE(apply(kManifest).ok());
  const HostStatus second = published();
  EXPECT_EQ(second.result, first.result);
  EXPECT_EQ(second.serial, first.serial);
  EXPECT_THAT(second.differs, ::testing::Contains("link.bad[\"eth1\"]"));
  ASSERT_TRUE(apply(kManifest).ok());
  EXPECT_EQ(published().apply_id, second.apply_id) << "nothing is new, and nothing is written";

  remove_device("bad", "eth1");
  remove_device("bad", "eth0");
  heals();
  EXPECT_TRUE(published().differs.empty());
  EXPECT_EQ(published().drift, 0);
}

// Also what the kernel refused, and what its plan did not know yet.
TEST_F(FreezeTest, WhatFailedInAFrozenPartIsPublished) {
  ASSERT_TRUE(apply(kManifest).ok());
  space("bad").addresses.clear();
  kernel_.refuse(netns("bad"), EPERM);
  leaves("endpoint bad", "it is refused there");
  EXPECT_FALSE(published().differs.empty());
  EXPECT_THAT(published().differs, ::testing::Each(HasSubstr("address.bad")));
  kernel_.refuse(netns("bad"), 0);
  heals();
  EXPECT_TRUE(published().differs.empty());
}

// The routes that the kernel made with an address, as after `ip route flush table main`.
TEST_F(FreezeTest, ATenantThatFlushesItsRoutesIsRepaired) {
  ASSERT_TRUE(apply(kManifest).ok());
  NamespaceObjects& inside = space("bad");
  ASSERT_FALSE(inside.routes.empty());
  inside.routes.clear();
  for (Address& address : inside.addresses) address.routes = AddressRoutes::no_subnet;
  const auto planned = plan(kManifest);
  ASSERT_TRUE(planned.ok());
  std::size_t updates = 0;
  for (const ObjectChange& change : planned.value().plan.object_changes) {
    updates += as<Address>(change.after) != nullptr && change.action == Action::update ? 1 : 0;
  }
  EXPECT_EQ(updates, inside.addresses.size());
  heals();
  for (const Address& address : space("bad").addresses) EXPECT_EQ(address.routes, AddressRoutes::complete);
}

TEST_F(FreezeTest, ARouteOfTheTenantsOwn) {
  put_device("bad", "own0");
  space("bad").routes.push_back(Route{.destination = IpPrefix::parse_exact("0.0.0.0/0").value(),
                                      .dev = IfName::from_kernel("own0"),
                                      .protocol = 3});
  leaves("endpoint bad", "route bad:default");
  EXPECT_TRUE(is_connected("web"));
  space("bad").routes.clear();
  heals();
}

TEST_F(FreezeTest, ANetworksDeviceOfSomebodyElse) {
  space("ovl-net").netns = Netns{.name = netns("ovl-net")};
  leaves("network net", "netns ovl-net: the namespace exists and is not ovl's");
  EXPECT_TRUE(is_connected("db"));
  EXPECT_FALSE(is_connected("web")) << "its network is not there";
  kernel_.objects().at(netns("ovl-net")).netns.reset();
  heals();
}

TEST_F(FreezeTest, TheGatewayOfSomebodyElse) {
  put_device("", "ovl-gw");
  leaves("the gateway", "link :ovl-gw");
  EXPECT_TRUE(is_connected("web"));
  EXPECT_EQ(space("").nft_tables.size(), 1U) << "the host's filter is there";
  remove_device("", "ovl-gw");
  heals();
}

TEST_F(FreezeTest, ANamespaceThatCannotBeRead) {
  ASSERT_TRUE(apply(kManifest).ok());
  kernel_.make_unreadable(netns("bad"), "RTM_GETROUTE: the answer was interrupted");
  std::erase_if(space("web").addresses, [](const Address&) { return true; });
  const auto done = apply(kManifest);
  ASSERT_TRUE(done.ok()) << done.error().message;
  ASSERT_EQ(done.value().left.size(), 1U);
  EXPECT_EQ(done.value().left.front().part, "endpoint bad");
  EXPECT_TRUE(is_connected("web"));
  kernel_.make_unreadable(netns("bad"), "");
  heals();
}

// The host's filter guards every network: without it nothing is made.
TEST_F(FreezeTest, TheHostsFilterStopsAll) {
  space("").nft_tables.push_back(NftTable{.family = NftFamily::inet, .name = "ovl"});
  const auto done = apply(kManifest);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code, Errc::conflict);
  EXPECT_FALSE(exists("ovl-net"));
}

// Everything in the way has one cause, and one remedy.
TEST_F(FreezeTest, AnotherClusterOnThisHostIsNamed) {
  put_device("", "ovl-gw");
  space("").links.back().alias = "ovl:first/gateway/bridge";
  space("").nft_tables.push_back(
      NftTable{.family = NftFamily::inet, .name = "ovl", .comment = "ovl:first/host"});
  space("ovl-net").netns = Netns{.name = netns("ovl-net"), .owner = "ovl:first/network/net"};
  const auto planned = plan(kManifest);
  ASSERT_TRUE(planned.ok()) << planned.error().message;
  const std::vector<Finding>& conflicts = planned.value().plan.conflicts;
  ASSERT_EQ(conflicts.size(), 1U);
  EXPECT_EQ(conflicts.front().subject, "host a");
  EXPECT_THAT(conflicts.front().message, HasSubstr("it is in cluster first already"));
  EXPECT_THAT(conflicts.front().hint, HasSubstr("ovl destroy --scope host --cluster first"));
  EXPECT_FALSE(apply(kManifest).ok());
}

// What a tenant writes on its own device says nothing about the host.
TEST_F(FreezeTest, ATenantIsNoOtherCluster) {
  put_device("bad", "eth0");
  space("bad").links.back().alias = "ovl:first/endpoint/x/y";
  leaves("endpoint bad", "link bad:eth0");
  EXPECT_TRUE(is_connected("web"));
}

// Another program's bridge, in the pool that this host has had all along.
TEST_F(FreezeTest, AnAddressInThePoolThatThisHostHas) {
  ASSERT_TRUE(apply(kManifest).ok());
  HostFacts facts;
  facts.machine = "machine-a";
  facts.addresses = {IpAddress::parse("172.18.5.1").value()};
  kernel_.set_facts(facts);
  space("web").addresses.clear();
  std::erase_if(space("").addresses, [](const Address& own) { return own.dev.view() == "ovl-gw"; });
  const auto done = apply(kManifest);
  ASSERT_TRUE(done.ok()) << done.error().message;
  ASSERT_EQ(done.value().left.size(), 1U);
  EXPECT_EQ(done.value().left.front().part, "the gateway");
  EXPECT_EQ(done.value().left.front().id.text(), "pool-in-use");
  EXPECT_TRUE(is_connected("web"));
  EXPECT_TRUE(space("").addresses.empty()) << "the gateway is as it was";
  facts.addresses.clear();
  kernel_.set_facts(facts);
  heals();
}

TEST_F(FreezeTest, ANewPoolAroundAnAddressIsRefused) {
  HostFacts facts;
  facts.machine = "machine-a";
  facts.addresses = {IpAddress::parse("172.30.5.1").value()};
  kernel_.set_facts(facts);
  std::string text = kManifest;
  const std::string own = "[host.a]\n";
  text.insert(text.find(own) + own.size(), "gateway_pool = \"172.30.0.0/16\"\n");
  const auto refused = apply(text);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::guard);
  EXPECT_FALSE(exists("web"));
  ASSERT_TRUE(apply(kManifest).ok());
  EXPECT_FALSE(apply(text).ok()) << "another one than it has";
  EXPECT_TRUE(is_connected("web"));
}

// Each operation in turn is refused, once: what belongs to other parts is made all the same.
TEST_F(FreezeTest, ARefusalDuringTheApply) {
  ASSERT_TRUE(apply(kManifest).ok());
  const std::uint64_t operations = kernel_.writes();
  ASSERT_GT(operations, 40U);
  for (std::uint64_t nth = 0; nth < operations; ++nth) {
    kernel_ = FakeKernel();
    HostFacts facts;
    facts.machine = "machine-a";
    kernel_.set_facts(std::move(facts));
    lose_state();
    kernel_.fail({.nth = nth, .kind = KernelFault::Kind::before, .os_errno = EACCES});
    const auto done = apply(kManifest);
    if (!done.ok()) {
      EXPECT_THAT(done.error().message, HasSubstr("an injected fault")) << nth;
      EXPECT_TRUE(space("ovl-net").links.empty()) << nth << ": only the host's filter may stop all";
      continue;
    }
    ASSERT_EQ(done.value().left.size(), 1U) << nth;
    const std::string& part = done.value().left.front().part;
    for (const auto& [endpoint, network] : {std::pair("bad", "net"), {"web", "net"}, {"db", "other"}}) {
      const bool is_meant =
          part == std::string("endpoint ") + endpoint || part == std::string("network ") + network;
      EXPECT_TRUE(is_meant || is_connected(endpoint)) << nth << ": " << part << " stopped " << endpoint;
    }
    heals();
  }
}

// What nobody but its root may delete (NFT_TABLE_F_OWNER) is refused with EPERM, which elsewhere is about who
// ovl is.
TEST_F(FreezeTest, ATableThatOnlyItsTenantMayDelete) {
  ASSERT_TRUE(apply(kManifest).ok());
  space("bad").nft_tables = {NftTable{.name = "ovl", .comment = "ovl:demo/endpoint/bad"}};
  space("web").addresses.clear();
  kernel_.refuse(netns("bad"), EPERM);
  leaves("endpoint bad", "it is refused there");
  EXPECT_TRUE(is_connected("web"));
  space("").nft_tables.clear();
  kernel_.refuse(NetnsName(), EPERM);
  EXPECT_FALSE(apply(kManifest).ok()) << "there it is about who we are";
  kernel_.refuse(NetnsName(), 0);
  kernel_.refuse(netns("bad"), 0);
  heals();
}

// One part that resists stops no destroy.
TEST_F(FreezeTest, ADestroyGoesOnWithEverythingElse) {
  ASSERT_TRUE(apply(kManifest).ok());
  kernel_.refuse(netns("bad"), EPERM);
  const auto done = destroy();
  ASSERT_TRUE(done.ok()) << done.error().message;
  ASSERT_EQ(done.value().left.size(), 1U);
  EXPECT_EQ(done.value().left.front().part, "netns bad");
  for (const char* gone : {"web", "db", "ovl-net", "ovl-other"}) EXPECT_FALSE(exists(gone)) << gone;
  EXPECT_TRUE(exists("bad"));
  EXPECT_TRUE(space("").nft_tables.empty());
  kernel_.refuse(netns("bad"), 0);
  ASSERT_TRUE(destroy().ok());
  EXPECT_FALSE(exists("bad"));
}

// Killed anywhere, or refused by one network: nothing is left without the filter that guards it.
TEST_F(FreezeTest, TheHostsFilterIsTheLastToGo) {
  ASSERT_TRUE(apply(kManifest).ok());
  kernel_.refuse(netns("ovl-net"), EACCES);
  const auto done = destroy();
  ASSERT_TRUE(done.ok()) << done.error().message;
  EXPECT_TRUE(exists("ovl-net"));
  EXPECT_FALSE(exists("ovl-other"));
  EXPECT_EQ(space("").nft_tables.size(), 1U);
  kernel_.refuse(netns("ovl-net"), 0);
  bool whole = false;
  for (std::uint64_t nth = 0; !whole && nth < 100; ++nth) {
    ASSERT_TRUE(apply(kManifest).ok());
    kernel_.fail({.nth = kernel_.writes() + nth, .kind = KernelFault::Kind::crash});
    whole = destroy().ok();
    kernel_.restart();
    const bool guarded = !space("").nft_tables.empty();
    EXPECT_TRUE(guarded || !(exists("ovl-net") || exists("ovl-other"))) << nth;
    ASSERT_TRUE(destroy().ok()) << nth;
  }
  EXPECT_TRUE(whole);
  EXPECT_TRUE(space("").nft_tables.empty());
}

// Each of them takes the kernel its time: nobody else waits for it.
TEST_F(FreezeTest, WhatATenantPiledUpGoesAfterAllElse) {
  ASSERT_TRUE(apply(kManifest).ok());
  for (int i = 0; i < 600; ++i) {
    put_device("bad", fmt::format("pile{}", i));
    Link& link = *std::ranges::find(space("bad").links, LinkType::other, &Link::type);
    link.type = LinkType::bridge;
    link.group = kLinkGroup;
  }
  space("web").addresses.clear();
  const auto planned = plan(kManifest);
  ASSERT_TRUE(planned.ok()) << planned.error().message;
  const std::vector<OperationGroup> groups = operations_of(planned.value().plan);
  ASSERT_GT(groups.size(), 1U);
  EXPECT_EQ(groups.back().step, "remove stray links");
  EXPECT_EQ(groups.back().operations.size(), 600U);
  heals();
  EXPECT_TRUE(is_connected("web"));
}

// What changes again while the apply reads back is the doing of whoever is root there.
TEST_F(FreezeTest, ATenantThatNeverRests) {
  ASSERT_TRUE(apply(kManifest).ok());
  space("web").addresses.clear();
  const NetnsName bad = netns("bad");
  kernel_.after_apply([&](HostObjects& now) {
    for (Link& link : now.at(bad).links) link.mtu = 1400;
  });
  space("bad").links.front().mtu = 1400;
  leaves("endpoint bad", "link.bad[\"eth0\"] differs right after the apply");
  EXPECT_TRUE(is_connected("web"));
  // With its end of a pair the host's end goes, too.
  const auto delete_pair = [&](HostObjects& now) {
    now.at(bad).links.clear();
    now.at(bad).addresses.clear();
    now.at(bad).routes.clear();
    NamespaceObjects& sandbox = now.at(netns("ovl-net"));
    for (const Link& link : sandbox.links) {
      if (!link.peer || link.peer->netns != bad) continue;
      std::erase_if(sandbox.fdb, [&](const Fdb& entry) { return entry.dev == link.name; });
    }
    std::erase_if(sandbox.links, [&](const Link& link) { return link.peer && link.peer->netns == bad; });
  };
  kernel_.after_apply(delete_pair);
  leaves("endpoint bad", "differs right after the apply");
  // Or somebody else's comes into its place.
  kernel_.after_apply([&](HostObjects& now) {
    for (Link& link : now.at(bad).links) link.group = 0, link.alias.clear();
  });
  leaves("endpoint bad", "link bad:eth0: a device of this name exists and is not ovl's");
  kernel_.after_apply({});
  delete_pair(kernel_.objects());
  heals();
}

// Taken out of the manifest, a frozen endpoint is cut off, which is done on the host's side, and what ovl
// made for it goes: its root does not decide whether.
TEST_F(FreezeTest, AFrozenEndpointCanBeRemoved) {
  ASSERT_TRUE(apply(kManifest).ok());
  kernel_.make_unreadable(netns("bad"), "no");
  std::string without = kManifest;
  without.erase(without.find("[endpoint.bad]"),
                without.find("[endpoint.web]") - without.find("[endpoint.bad]"));
  const auto done = apply(without);
  ASSERT_TRUE(done.ok()) << done.error().message;
  EXPECT_EQ(ports_of("bad"), 0U);
  EXPECT_TRUE(done.value().left.empty());
  EXPECT_FALSE(exists("bad"));
}

TEST_F(FreezeTest, ADestroyTakesWhatCannotBeRead) {
  ASSERT_TRUE(apply(kManifest).ok());
  kernel_.make_unreadable(netns("bad"), "no");
  const auto done = destroy();
  ASSERT_TRUE(done.ok()) << done.error().message;
  EXPECT_TRUE(done.value().left.empty());
  EXPECT_FALSE(exists("bad"));
}

// Another one of that name, which ovl did not make, is nobody's to remove.
TEST_F(FreezeTest, WhatCannotBeReadAndIsAnotherOneStays) {
  ASSERT_TRUE(apply(kManifest).ok());
  space("bad").netns->born = "boot another";
  kernel_.make_unreadable(netns("bad"), "no");
  ASSERT_TRUE(destroy().ok());
  EXPECT_TRUE(exists("bad"));
}

}  // namespace

}  // namespace ovl
