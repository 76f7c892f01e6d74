// Each kind of object: made, read back equal, changed in place field by field, removed, nothing left.
#include <gmock/gmock.h>

#include <chrono>
#include <thread>

#include "tests/kernel/kernel_test.hpp"

namespace ovl::test {

namespace {

using KindTest = KernelTest;

TEST_F(KindTest, NetnsIsMadeMarkedSeenByIpAndRemoved) {
  const Netns wish = owned_netns("ovl-net");
  apply(Operations().create("ovl-net", wish));
  EXPECT_EQ(observe_one("ovl-net").netns, wish);
  EXPECT_NE(must("ip netns list").find("ovl-net"), std::string::npos);
  EXPECT_NE(must("ip -n ovl-net link show lo").find("UP"), std::string::npos);

  Netns other = wish;
  other.owner = "ovl:demo/other";
  other.lo_up = false;
  apply(Operations().update("ovl-net", wish, other));
  EXPECT_EQ(observe_one("ovl-net").netns, other);

  apply(Operations().remove("ovl-net", other));
  EXPECT_FALSE(observe_one("ovl-net").netns.has_value());
  EXPECT_EQ(must("ls /run/netns"), "");
  apply(Operations().remove("ovl-net", other));
}

TEST_F(KindTest, NetnsOfSomebodyElseGetsItsLoUpAndNoMark) {
  must("ip netns add blue");
  const Netns before = *observe_one("blue").netns;
  EXPECT_FALSE(before.lo_up);
  const Netns wish = owned_netns("blue");
  ASSERT_NE(wish.owner, "");
  const FieldMask changed = differing(wish, before) & ~fields_with<Netns>(Role::mark);
  const Operation operation{.netns = &wish.name, .before = &before, .after = &wish, .changed = changed};
  EXPECT_FALSE(kernel->apply(std::span(&operation, 1)).error);
  const Netns after = *observe_one("blue").netns;
  EXPECT_TRUE(after.lo_up);
  EXPECT_EQ(after.owner, "");
}

// As `ip netns attach` makes it of a container that shares the host's network.
TEST_F(KindTest, NetnsThatIsTheHostsOwnIsNobodysAndUntouched) {
  must("ip netns add blue; umount /run/netns/blue; mount --bind /proc/self/ns/net /run/netns/blue");
  const NamespaceObjects seen = observe_one("blue");
  EXPECT_THAT(seen.unreadable, ::testing::HasSubstr("another name of this host's own namespace"));
  EXPECT_THAT(seen.remedy, ::testing::HasSubstr("ip netns delete blue"));
  EXPECT_TRUE(seen.links.empty());
}

// `ip netns delete` would take away what the link leads to.
TEST_F(KindTest, NetnsThatIsALinkIsRemovedAlone) {
  must("ip netns add blue; ln -s blue /run/netns/green");
  const NamespaceObjects seen = observe_one("green");
  EXPECT_THAT(seen.unreadable, ::testing::HasSubstr("is a symbolic link"));
  EXPECT_THAT(seen.remedy, ::testing::HasSubstr("rm /run/netns/green"));
  must("rm /run/netns/green; mkdir /run/netns/green");
  EXPECT_THAT(observe_one("green").remedy, ::testing::HasSubstr("rm -r /run/netns/green"));
  must("rmdir /run/netns/green; ip netns exec blue true");
}

TEST_F(KindTest, NetnsOfIpNetnsAddIsSeenAndNeverRemoved) {
  must("ip netns add blue");
  const auto blue = observe_one("blue");
  ASSERT_TRUE(blue.netns.has_value());
  EXPECT_EQ(blue.netns->owner, "");
  const Error error = failure_of(Operations().remove("blue", *blue.netns), 0);
  EXPECT_EQ(error.code, Errc::conflict);
  EXPECT_EQ(failure_of(Operations().remove("blue", owned_netns("blue")), 0).code, Errc::conflict);
  EXPECT_TRUE(observe_one("blue").netns.has_value());
  EXPECT_EQ(failure_of(Operations().create("blue", owned_netns("blue")), 0).code, Errc::conflict);
}

TEST_F(KindTest, OwnedNamespacesAreFoundByMarkOrByLink) {
  must("ip netns add blue; ip netns add green; ip netns add red");
  must("ip -n green link add d0 group 7304812 type bridge");
  apply(Operations().create("ovl-a", owned_netns("ovl-a")));
  const auto owned = kernel->owned_namespaces();
  ASSERT_TRUE(owned.ok());
  EXPECT_EQ(owned.value(), (std::vector{netns("green"), netns("ovl-a")}));
}

TEST_F(KindTest, BridgeFieldByField) {
  apply(Operations().create("ovl-net", owned_netns("ovl-net")).create("ovl-net", bridge_link()));
  Link now = bridge_link();
  EXPECT_EQ(difference("ovl-net", now), "");

  std::vector<Link> steps(7, now);
  steps[0].mac = mac("02:42:0a:00:09:fe");
  steps[1].mtu = 1400;
  steps[2].up = false;
  steps[3].mcast_snooping = true;
  steps[4].stp = true;
  steps[5].addrgen = true;
  steps[6].alias = "ovl:demo/other";
  for (const Link& step : steps) {
    apply(Operations().update("ovl-net", now, step));
    EXPECT_EQ(difference("ovl-net", step), "");
    now = step;
  }
  apply(Operations().remove("ovl-net", now).remove("ovl-net", now));
  EXPECT_TRUE(observe_one("ovl-net").links.empty());
}

// A device has IPv6, and settings of it, from 1,280 bytes on: an MTU that falls below takes them, one that
// rises again brings them with the kernel's defaults.
TEST_F(KindTest, AnMtuBelowIpv6sFloorAndBack) {
  Link small = bridge_link();
  small.mtu = 1250;
  small.addrgen.reset();
  apply(Operations().create("ovl-net", owned_netns("ovl-net")).create("ovl-net", small));
  EXPECT_EQ(difference("ovl-net", small), "");
  const Link now = bridge_link();
  EXPECT_EQ(difference("ovl-net", now), "mtu addrgen ");
  apply(Operations().update("ovl-net", observe_one("ovl-net").links.front(), now));
  EXPECT_EQ(difference("ovl-net", now), "");
  apply(Operations().update("ovl-net", now, small));
  EXPECT_EQ(difference("ovl-net", small), "");
}

TEST_F(KindTest, VxlanFieldByField) {
  make_sandbox("ovl-net");
  Link now = vxlan_link();
  EXPECT_EQ(difference("ovl-net", now), "");
  const std::string index = "ip netns exec ovl-net cat /sys/class/net/vxlan0/ifindex";
  const std::string made = must(index);

  std::vector<Link> steps(10, now);
  steps[0].mac = mac("02:42:00:00:00:08");
  steps[1].mtu = 1400;
  steps[2].local = ip("192.168.50.9");
  steps[3].learning = true;
  steps[4].ttl = 255;
  steps[5].port_learning = true;
  steps[6].port_flood = false;
  steps[7].up = false;
  steps[8].alias = "ovl:demo/other";
  steps[9].group = 7;
  for (const Link& step : steps) {
    apply(Operations().update("ovl-net", now, step));
    EXPECT_EQ(difference("ovl-net", step), "");
    now = step;
  }
  EXPECT_EQ(must(index), made) << "all of it in place";
  Link alone = now;
  alone.master = IfName();
  alone.port_learning.reset();
  alone.port_flood.reset();
  apply(Operations().update("ovl-net", now, alone));
  EXPECT_EQ(difference("ovl-net", alone), "");
  apply(Operations().update("ovl-net", alone, now));
  EXPECT_EQ(difference("ovl-net", now), "");
}

TEST_F(KindTest, VxlanKeepsItsSocketInTheHostsNamespace) {
  make_sandbox("ovl-net");
  EXPECT_NE(must("ss -Hlnu 'sport = :4789'"), "");
  EXPECT_EQ(must("ip netns exec ovl-net ss -Hlnu 'sport = :4789'"), "");
  apply(Operations().remove("ovl-net", owned_netns("ovl-net")));
  EXPECT_EQ(must("ss -Hlnu 'sport = :4789'"), "");
}

TEST_F(KindTest, VxlanInTheHostsOwnNamespaceOverIpv6) {
  Link vxlan = vxlan_link(77, "");
  vxlan.local = ip("fd00::1");
  apply(Operations().create("", vxlan));
  EXPECT_EQ(difference("", vxlan), "");
}

TEST_F(KindTest, VethPairIsBornInBothNamespacesAndPeersAreResolved) {
  make_sandbox("ovl-net");
  Link web = outer_link("v1", "web");
  Link web_inner = inner_link("10.0.9.2");
  Link host_end = outer_link("g1", "web", "");
  host_end.peer->name = dev("eth1");
  Link gateway_inner = inner_link("172.18.0.2");
  gateway_inner.name = dev("eth1");
  apply(Operations()
            .create("web", owned_netns("web"))
            .create("ovl-net", web)
            .create("", host_end)
            .create("web", web_inner)
            .create("web", gateway_inner));

  HostObjects wanted;
  for (const char* name : {"", "ovl-net", "web"}) wanted.at(netns(name));
  HostObjects seen = observe(wanted);
  const Link* outer = find_like(seen.at(netns("ovl-net")).links, web);
  const Link* inner = find_like(seen.at(netns("web")).links, web_inner);
  const Link* host_outer = find_like(seen.at(netns("")).links, host_end);
  ASSERT_TRUE(outer != nullptr && inner != nullptr && host_outer != nullptr);
  EXPECT_EQ(differing(web, *outer), 0U);
  EXPECT_EQ(differing(web_inner, *inner), 0U);
  EXPECT_EQ(differing(host_end, *host_outer), 0U);
  EXPECT_EQ(inner->peer, (VethPeer{.netns = netns("ovl-net"), .name = dev("v1")}));

  std::vector<Link> steps(4, web);
  steps[0].port_learning = true;
  steps[1].port_flood = true;
  steps[2].port_isolated = true;
  steps[3].mtu = 1300;
  for (const Link& step : steps) {
    apply(Operations().update("ovl-net", web, step));
    web = step;
    web.peer.reset();  // observed alone, its other end is not to be seen
    EXPECT_EQ(difference("ovl-net", web), "");
  }
  apply(Operations().remove("ovl-net", web).remove("web", web_inner));
  EXPECT_EQ(observe_one("web").links.size(), 1U);
}

TEST_F(KindTest, PeersWithTheSameIndexesAreToldApart) {
  HostObjects wanted;
  Operations operations;
  for (const std::string n : {"1", "2", "3"}) {
    operations.create("ovl-" + n, owned_netns("ovl-" + n)).create("web" + n, owned_netns("web" + n));
    operations.create("ovl-" + n, outer_link("v" + n, "web" + n, ""));
    wanted.at(netns("ovl-" + n));
    wanted.at(netns("web" + n));
  }
  apply(operations);
  HostObjects seen = observe(wanted);
  for (const std::string n : {"1", "2", "3"}) {
    EXPECT_EQ(seen.at(netns("ovl-" + n)).links.at(0).peer, (VethPeer{netns("web" + n), dev("eth0")}));
    EXPECT_EQ(seen.at(netns("web" + n)).links.at(0).peer, (VethPeer{netns("ovl-" + n), dev("v" + n)}));
  }
}

TEST_F(KindTest, PeersInOneNamespace) {
  must("ip link add p0 type veth peer p1");
  const NamespaceObjects seen = observe_one("");
  ASSERT_EQ(seen.links.size(), 2U);
  EXPECT_EQ(seen.links[0].peer, (VethPeer{netns(""), dev("p1")}));
  EXPECT_EQ(seen.links[1].peer, (VethPeer{netns(""), dev("p0")}));
}

TEST_F(KindTest, InnerEndIsFinishedByALaterApply) {
  apply(Operations().create("ovl-net", owned_netns("ovl-net")).create("web", owned_netns("web")));
  apply(Operations().create("ovl-net", outer_link("v1", "web", "")));
  EXPECT_EQ(difference("web", inner_link("10.0.9.2")), "mac mtu up alias ");
  apply(Operations().create("web", inner_link("10.0.9.2")));
  EXPECT_EQ(difference("web", inner_link("10.0.9.2")), "");
  EXPECT_EQ(failure_of(Operations().create("web", inner_link("10.0.9.2")), 0).code, Errc::conflict);
  Link lost = inner_link("10.0.9.3");
  lost.name = dev("eth7");
  EXPECT_EQ(failure_of(Operations().create("web", lost), 0).code, Errc::kernel);
}

TEST_F(KindTest, AddressOfBothFamilies) {
  make_sandbox("ovl-net");
  const Address v4{.dev = dev("br0"), .address = IpInterface::parse("10.0.9.1/24").value()};
  const Address v6{.dev = dev("br0"), .address = IpInterface::parse("fd00:9::1/64").value(), .nodad = true};
  apply(Operations().create("ovl-net", v4).create("ovl-net", v6));
  EXPECT_EQ(observe_one("ovl-net").addresses, (std::vector{v4, v6}));
  EXPECT_EQ(must("ip -n ovl-net -6 address show tentative"), "");
  const Error error = failure_of(Operations().create("ovl-net", v4), 0);
  EXPECT_EQ(error.code, Errc::conflict);
  EXPECT_NE(error.message.find("RTM_NEWADDR address ovl-net:br0 10.0.9.1/24: EEXIST"), std::string::npos)
      << error.message;
  apply(Operations().remove("ovl-net", v4).remove("ovl-net", v6).remove("ovl-net", v6));
  EXPECT_TRUE(observe_one("ovl-net").addresses.empty());
}

// What the kernel made with an address is as it was, once somebody deleted it: nothing is added to it,
// nothing stays behind, and a route of somebody's in that place stands behind it.
TEST_F(KindTest, RoutesOfAnAddressComeBack) {
  make_sandbox("ovl-net");
  const Address v4{.dev = dev("br0"), .address = IpInterface::parse("10.0.9.1/24").value()};
  const Address v6{.dev = dev("br0"), .address = IpInterface::parse("fd00:9::1/64").value(), .nodad = true};
  apply(Operations().create("ovl-net", v4).create("ovl-net", v6));
  const std::string all = "ip -n ovl-net -4 route show table all; ip -n ovl-net -6 route show table all";
  const std::string made = must(all);
  const auto lost = [](Address address, AddressRoutes routes) {
    address.routes = routes;
    return address;
  };
  const auto seen = [&] { return observe_one("ovl-net").addresses; };

  must("ip -n ovl-net route flush table main && ip -n ovl-net -6 route flush table main");
  const Address no_subnet4 = lost(v4, AddressRoutes::no_subnet);
  const Address no_subnet6 = lost(v6, AddressRoutes::no_subnet);
  ASSERT_EQ(seen(), (std::vector{no_subnet4, no_subnet6}));
  apply(Operations().update("ovl-net", no_subnet4, v4).update("ovl-net", no_subnet6, v6));
  EXPECT_EQ(seen(), (std::vector{v4, v6}));
  EXPECT_EQ(must(all), made);
  apply(Operations().update("ovl-net", no_subnet4, v4).update("ovl-net", no_subnet6, v6));
  EXPECT_EQ(must(all), made) << "they came back by themselves meanwhile";

  must("ip -n ovl-net route del broadcast 10.0.9.255 dev br0 table local");
  ASSERT_EQ(seen(), (std::vector{no_subnet4, v6}));
  apply(Operations().update("ovl-net", no_subnet4, v4));
  EXPECT_EQ(must(all), made);

  must(
      "ip -n ovl-net route flush table main && ip -n ovl-net route add blackhole 10.0.9.0/24 && "
      "ip -n ovl-net -6 route del fd00:9::/64 dev br0 && "
      "ip -n ovl-net -6 route add fd00:9::/64 dev br0 metric 256 proto static");
  ASSERT_EQ(seen(), (std::vector{no_subnet4, no_subnet6}));
  apply(Operations().update("ovl-net", no_subnet4, v4).update("ovl-net", no_subnet6, v6));
  EXPECT_EQ(seen(), (std::vector{v4, v6}));
  EXPECT_NE(must("ip -n ovl-net route get 10.0.9.7").find("dev br0 src 10.0.9.1"), std::string::npos);
  must("ip -n ovl-net route del blackhole 10.0.9.0/24");
  EXPECT_EQ(must(all), made);

  must(
      "ip -n ovl-net route del local 10.0.9.1 dev br0 table local && "
      "ip -n ovl-net -6 route del local fd00:9::1 dev br0 table local");
  const Address no_own4 = lost(v4, AddressRoutes::no_own);
  const Address no_own6 = lost(v6, AddressRoutes::no_own);
  // An IPv6 address gets that route a moment after it was made (addrconf_dad_work()): only an older one lacks
  // it.
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (seen().back() != no_own6 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  ASSERT_EQ(seen(), (std::vector{no_own4, no_own6}));
  apply(Operations().update("ovl-net", no_own4, v4).update("ovl-net", no_own6, v6));
  EXPECT_EQ(seen(), (std::vector{v4, v6}));
  while (must(all) != made && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  EXPECT_EQ(must(all), made);

  must("ip -n ovl-net -6 route del multicast ff00::/8 dev br0 table local");
  ASSERT_EQ(seen(), (std::vector{v4, no_own6}));
  apply(Operations().update("ovl-net", no_own6, v6));
  EXPECT_EQ(seen(), (std::vector{v4, v6}));

  must("ip -n ovl-net route flush table main && ip -n ovl-net route flush table local");
  const Address none4 = lost(v4, AddressRoutes::none);
  ASSERT_EQ(seen(), (std::vector{none4, v6}));
  apply(Operations().update("ovl-net", none4, v4));
  EXPECT_EQ(seen(), (std::vector{v4, v6}));
  apply(Operations().remove("ovl-net", v4).remove("ovl-net", v6));
  const std::string left = must(all);
  for (const char* of_ours : {"10.0.9", "fd00:9"}) EXPECT_EQ(left.find(of_ours), std::string::npos) << left;
}

// They come with the device, and with an address of one host there is no subnet.
TEST_F(KindTest, RoutesOfAnAddressThatNobodyMisses) {
  make_sandbox("ovl-net");
  std::vector<Address> addresses;
  for (const char* text : {"10.0.7.1/32", "10.0.8.0/31", "10.0.9.1/24", "fd00:7::1/128", "fd00:8::/127"}) {
    const bool nodad = std::string_view(text).starts_with("fd");
    addresses.push_back({.dev = dev("br0"), .address = IpInterface::parse(text).value(), .nodad = nodad});
    apply(Operations().create("ovl-net", addresses.back()));
  }
  EXPECT_EQ(observe_one("ovl-net").addresses, addresses);
  must("ip -n ovl-net link set br0 down");
  addresses.resize(3);  // IPv6 goes with IFF_UP
  EXPECT_EQ(observe_one("ovl-net").addresses, addresses);
}

TEST_F(KindTest, RouteOfBothFamiliesWithAndWithoutGateway) {
  make_sandbox("ovl-net");
  apply(Operations()
            .create("ovl-net", Address{dev("br0"), IpInterface::parse("10.0.9.1/24").value()})
            .create("ovl-net", Address{dev("br0"), IpInterface::parse("fd00:9::1/64").value(), true}));
  const auto prefix = [](const char* text) { return IpPrefix::parse_exact(text).value(); };
  const std::vector<Route> wish{
      {.destination = prefix("0.0.0.0/0"), .dev = dev("br0"), .via = ip("10.0.9.254")},
      {.destination = prefix("10.7.0.0/16"), .metric = 5, .dev = dev("br0")},
      {.destination = prefix("::/0"), .metric = 1024, .dev = dev("br0"), .via = ip("fd00:9::fe")},
      {.destination = prefix("fd00:7::/48"), .metric = 1024, .dev = dev("br0")}};
  Operations operations;
  for (const Route& route : wish) operations.create("ovl-net", route);
  apply(operations);
  EXPECT_EQ(observe_one("ovl-net").routes, wish);
  for (const Route& route : wish) {
    EXPECT_EQ(failure_of(Operations().create("ovl-net", route), 0).code, Errc::conflict);
  }
  must("ip -n ovl-net route add 10.8.0.0/16 dev br0");  // foreign: another protocol number
  Operations removal;
  for (const Route& route : wish) removal.remove("ovl-net", route).remove("ovl-net", route);
  apply(removal);
  EXPECT_TRUE(observe_one("ovl-net").routes.empty());
  EXPECT_NE(must("ip -n ovl-net route show 10.8.0.0/16"), "");
}

TEST_F(KindTest, NeighbourOfBothFamilies) {
  make_sandbox("ovl-net");
  Neighbour v4{.dev = dev("vxlan0"), .address = ip("10.0.9.3"), .mac = mac("02:42:0a:00:09:03")};
  const Neighbour v6{.dev = dev("vxlan0"), .address = ip("fd00:9::3"), .mac = mac("02:42:0a:00:09:03")};
  apply(Operations().create("ovl-net", v4).create("ovl-net", v6));
  EXPECT_EQ(observe_one("ovl-net").neighbours, (std::vector{v4, v6}));
  EXPECT_NE(must("ip -d -n ovl-net neigh show 10.0.9.3").find("proto 111"), std::string::npos);

  Neighbour moved = v4;
  moved.mac = mac("02:42:0a:00:09:33");
  apply(Operations().update("ovl-net", v4, moved));
  EXPECT_EQ(observe_one("ovl-net").neighbours, (std::vector{moved, v6}));
  EXPECT_EQ(failure_of(Operations().create("ovl-net", v4), 0).code, Errc::conflict);
  apply(Operations().remove("ovl-net", moved).remove("ovl-net", v6).remove("ovl-net", v6));
  EXPECT_TRUE(observe_one("ovl-net").neighbours.empty());
}

TEST_F(KindTest, FdbOfBothTables) {
  make_sandbox("ovl-net");
  apply(Operations().create("web", owned_netns("web")).create("ovl-net", outer_link("v1", "web")));
  const Fdb remote{dev("vxlan0"), FdbTable::self, mac("02:42:0a:00:09:03"), ip("192.168.50.2")};
  const Fdb local{dev("v1"), FdbTable::master, mac("02:42:0a:00:09:02"), {}};
  const Fdb through{dev("vxlan0"), FdbTable::master, mac("02:42:0a:00:09:03"), {}};
  apply(Operations().create("ovl-net", remote).create("ovl-net", local).create("ovl-net", through));
  EXPECT_EQ(observe_one("ovl-net").fdb, (std::vector{local, remote, through}));

  Fdb moved = remote;
  moved.vtep = ip("192.168.50.3");
  apply(Operations().update("ovl-net", remote, moved));
  EXPECT_EQ(observe_one("ovl-net").fdb, (std::vector{local, moved, through}));
  for (const Fdb& entry : {moved, local}) {
    EXPECT_EQ(failure_of(Operations().create("ovl-net", entry), 0).code, Errc::conflict);
  }
  apply(Operations().remove("ovl-net", moved).remove("ovl-net", local).remove("ovl-net", through));
  apply(Operations().remove("ovl-net", moved).remove("ovl-net", local));
  EXPECT_TRUE(observe_one("ovl-net").fdb.empty());
}

TEST_F(KindTest, SysctlOfItsNamespaceOnly) {
  apply(Operations().create("ovl-net", owned_netns("ovl-net")));
  const Sysctl wish{.path = "net/ipv6/conf/default/accept_ra", .value = "0"};
  const Sysctl absent{.path = "net/ipv6/conf/nowhere/accept_ra", .value = "0"};
  EXPECT_EQ(observe_one("ovl-net", {wish}).sysctls.at(0).value, "1");
  apply(Operations().create("ovl-net", wish));
  EXPECT_EQ(observe_one("ovl-net", {wish, absent}).sysctls, std::vector{wish});
  EXPECT_EQ(observe_one("", {wish}).sysctls.at(0).value, "1");
  apply(Operations().create("", wish));
  EXPECT_EQ(observe_one("", {wish}).sysctls.at(0).value, "0");

  const Error error = failure_of(Operations().create("ovl-net", absent), 0);
  EXPECT_EQ(error.code, Errc::kernel);
  EXPECT_NE(error.message.find("ENOENT"), std::string::npos) << error.message;
  for (const char* path : {"kernel/hostname", "net/../kernel/hostname", "/net/ipv4/ip_forward", "net/"}) {
    EXPECT_EQ(failure_of(Operations().create("", Sysctl{path, "x"}), 0).code, Errc::bug) << path;
  }
}

TEST_F(KindTest, NftTableOfItsNamespace) {
  apply(Operations().create("ovl-net", owned_netns("ovl-net")));
  NftTable wish{.family = NftFamily::bridge, .name = "ovl", .comment = "ovl:demo/network/net"};
  wish.chains.push_back(NftChain{.name = "forward", .type = "filter", .hook = 2, .priority = 0});
  apply(Operations().create("ovl-net", wish));
  EXPECT_EQ(observe_one("ovl-net").nft_tables, std::vector{wish});
  EXPECT_TRUE(observe_one("").nft_tables.empty());
  NftTable other = wish;
  other.chains[0].policy_accept = false;
  apply(Operations().update("ovl-net", wish, other));
  EXPECT_EQ(observe_one("ovl-net").nft_tables, std::vector{other});
  EXPECT_EQ(failure_of(Operations().create("ovl-net", wish), 0).code, Errc::conflict);
  apply(Operations().remove("ovl-net", other).remove("ovl-net", other));
  EXPECT_TRUE(observe_one("ovl-net").nft_tables.empty());
}

// What its root fills a table with is nothing that ovl asks for.
TEST_F(KindTest, NftTableOfAnEndpointsNamespaceIsNotReadWhole) {
  must("ip netns add web");
  NftTable theirs{.family = NftFamily::inet, .name = "ovl", .comment = "ovl:demo/host"};
  theirs.chains.push_back(NftChain{.name = "input", .type = "filter", .hook = 1, .priority = 0});
  theirs.counters.push_back(NftCounter{.name = "dropped_uid"});
  apply(Operations().create("web", theirs));
  const NftTable known{.family = NftFamily::inet, .name = "ovl", .comment = "ovl:demo/host"};
  EXPECT_EQ(observe_one("web").nft_tables, std::vector{known});
  apply(Operations().remove("web", known));
  EXPECT_TRUE(observe_one("web").nft_tables.empty());
}

// Some 60 KiB of them, which come in one message.
TEST_F(KindTest, ALinkWithAllTheNamesThatTheKernelGivesIsRead) {
  must(
      "ip netns add web; for i in $(seq 500); do printf 'link property add dev lo altname x%0120d\\n' $i; "
      "done | "
      "ip -n web -force -batch - 2>/dev/null; true");
  must("test $(ip -n web -d link show lo | grep -c altname) -gt 200");
  const NamespaceObjects seen = observe_one("web");
  EXPECT_EQ(seen.unreadable, "");
  EXPECT_TRUE(seen.netns.has_value());
}

TEST_F(KindTest, HostsFileIsPartOfItsNamespaceEvenWithoutOne) {
  HostsFile wish{.netns = netns("web"), .file = "hosts", .lines = {"10.0.9.2 web"}, .owner = "ovl:demo/web"};
  apply(Operations().create("web", wish));
  EXPECT_FALSE(observe_one("web").netns.has_value());
  EXPECT_EQ(observe_one("web").hosts_files, std::vector{wish});
  apply(Operations().remove("web", wish));
  EXPECT_TRUE(observe_one("web").hosts_files.empty());
  EXPECT_EQ(must("ls /etc/netns"), "");
}

TEST_F(KindTest, LinesThatHostsFilesHaveInCommonAreHeldOnce) {
  HostObjects wanted;
  for (const char* const name : {"db", "web"}) {
    HostsFile wish{.netns = netns(name), .file = "hosts", .lines = {"10.0.9.2 web"}, .owner = "ovl:demo/x"};
    apply(Operations().create(name, wish));
    wanted.at(netns(name));
  }
  const HostObjects seen = observe(wanted);
  const HostLines& one = seen.find(netns("db"))->hosts_files.at(0).lines;
  const HostLines& other = seen.find(netns("web"))->hosts_files.at(0).lines;
  EXPECT_EQ(one.size(), 1U);
  EXPECT_EQ(one.parts(), other.parts());
}

}  // namespace

}  // namespace ovl::test
