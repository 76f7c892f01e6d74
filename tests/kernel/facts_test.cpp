// Facts of a host, and announcements.
#include <fmt/format.h>

#include "drivers/kernel/kinds/announce.hpp"
#include "drivers/kernel/look/address_watch.hpp"
#include "tests/kernel/kernel_test.hpp"

namespace ovl::test {

namespace {

class FactsTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    must("ip link add und0 mtu 1400 type veth peer und1; ip link set und0 up; ip link set und1 up");
    must("ip address add fd00::1/64 dev und0 nodad; ip address add 192.168.50.1/24 dev und0");
    must("ip route add default via 192.168.50.254; ip route add 10.4.0.0/16 dev und0");
    write_text("/run/netns/resolv.conf", "# x\nnameserver 10.0.0.53\nnameserver fe80::1%eth0\nsearch a\n");
    write_text("/run/netns/machine-id", "0123\n");
    reopen();
  }

  void reopen() {
    kernel = std::move(open_linux_kernel(LinuxKernelOptions{
                           .resolv_conf = "/run/netns/resolv.conf",
                           .real_resolv_conf = {"/run/netns/resolved.conf", "/run/netns/nm.conf"},
                           .machine_id = "/run/netns/machine-id"}))
                 .value();
  }

  HostFacts facts(const std::string& address, const std::string& interface = "") {
    FactsRequest request{.host = HostName::parse("a").value()};
    if (!address.empty()) request.advertise = ip(address);
    if (!interface.empty()) request.interface = dev(interface);
    const std::uint64_t before = kernel->writes();
    const auto read = kernel->facts(request);
    EXPECT_TRUE(read.ok()) << read.error().message;
    EXPECT_EQ(kernel->writes(), before);
    return read.ok() ? read.value() : HostFacts();
  }
};

TEST_F(FactsTest, SayWhatTheHostHas) {
  must("ip link add vx7 type vxlan id 7 dstport 4789");
  Link ours = vxlan_link(9, "");
  apply(Operations().create("", ours).create("", bridge_link("ovl-gw")));
  apply(Operations().create("", Address{dev("ovl-gw"), IpInterface::parse("172.18.0.1/16").value()}));
  const HostFacts seen = facts("192.168.50.1");
  EXPECT_EQ(seen.host.text(), "a");
  EXPECT_EQ(seen.vtep, ip("192.168.50.1"));
  EXPECT_EQ(seen.underlay_mtu, 1400U);
  EXPECT_EQ(seen.addresses, (std::vector{ip("192.168.50.1"), ip("fd00::1")}));
  std::string routes;
  for (const FactRoute& route : seen.routes)
    routes += route.destination.text() + " " + route.dev.text() + "\n";
  EXPECT_EQ(routes, "10.4.0.0/16 und0\n192.168.50.0/24 und0\nfd00::/64 und0\n");
  EXPECT_EQ(seen.uplinks, std::vector{dev("und0")});
  EXPECT_EQ(seen.nameservers, (std::vector{ip("10.0.0.53"), ip("fe80::1")}));
  EXPECT_FALSE(seen.resolver);
  EXPECT_EQ(seen.vnis, std::vector{vni(7)});
  EXPECT_EQ(seen.kernel + "\n", must("uname -r"));
  EXPECT_FALSE(seen.version.empty());
}

TEST_F(FactsTest, BehindAResolverOfTheMachinesOwnAreTheServersThatItAsks) {
  const auto behind = [this](const std::string& own) {
    write_text("/run/netns/resolv.conf", own);
    const HostFacts seen = facts("192.168.50.1");
    EXPECT_TRUE(seen.resolver) << own;
    return seen.resolver ? seen.resolver->lines : std::vector<std::string>();
  };
  using Lines = std::vector<std::string>;
  // Others in the same file, as a caching server on this machine leaves them there.
  EXPECT_EQ(behind("nameserver 127.0.0.1\nnameserver 10.0.0.53\nsearch a  b\noptions edns0 \x01\n"),
            (Lines{"nameserver 10.0.0.53", "search a b", "options edns0"}));
  EXPECT_EQ(behind("nameserver 127.0.0.53\nsearch a\n"), Lines()) << "none is known";
  write_text("/run/netns/nm.conf", "nameserver 203.0.113.1\ndomain b\n");
  EXPECT_EQ(behind("nameserver ::1\n"), (Lines{"nameserver 203.0.113.1", "domain b"}));
  // No endpoint's way out leads to the first two.
  write_text("/run/netns/resolved.conf",
             "nameserver 127.0.0.1\nnameserver fd00::53\nnameserver 203.0.113.2\nnameserver 203.0.113.3\n");
  EXPECT_EQ(behind("nameserver 127.0.0.53\noptions trust-ad\n"),
            (Lines{"nameserver 203.0.113.2", "nameserver 203.0.113.3"}));
  const HostFacts seen = facts("192.168.50.1");
  EXPECT_EQ(seen.resolver->stub, ip("127.0.0.53"));
  // No pool is chosen that holds one of them.
  EXPECT_EQ(seen.nameservers, (std::vector{ip("127.0.0.53"), ip("127.0.0.1"), ip("fd00::53"),
                                           ip("203.0.113.2"), ip("203.0.113.3")}));
}

// What other tables lead to, and what the host drops. A default route, whole or in halves, holds nothing, and
// neither does what sends the asker on to the next table, nor what is ours.
// Readers take no less, and a fact that nobody takes would be none at all.
TEST_F(FactsTest, AnUnderlayIsToldAsTheLeastThatReadersTake) {
  must("ip link set und0 mtu 120");
  EXPECT_EQ(facts("192.168.50.1").underlay_mtu, kLeastUnderlayMtu);
}

TEST_F(FactsTest, SayWhatOtherRoutesHold) {
  apply(Operations().create("", bridge_link("ovl-gw")));
  must(
      "ip route add 198.18.0.0/24 dev und0 table 77; ip route add blackhole 192.0.2.0/24; "
      "ip route add prohibit 10.0.0.0/8 table 9; ip route add unreachable 10.77.0.0/16 metric 9; "
      "ip route add default dev und0 table 77; ip route add 0.0.0.0/1 dev und0 table 77; "
      "ip route add 128.0.0.0/1 dev und0 table 77; ip route add blackhole default metric 4000; "
      "ip route add throw 198.19.0.0/16 table 77; ip route add 198.20.0.0/16 dev ovl-gw table 77; "
      "ip route add 198.21.0.0/16 dev und0 proto 111 table 77; ip route add blackhole fd77::/64");
  std::string held;
  for (const HeldRoute& route : facts("192.168.50.1").held) {
    held += fmt::format("{} {} {}\n", name_of(route.type), route.destination.text(), route.table);
  }
  EXPECT_EQ(held,
            "prohibit 10.0.0.0/8 9\nunreachable 10.77.0.0/16 254\nblackhole 192.0.2.0/24 254\n"
            "unicast 198.18.0.0/24 77\n");
}

TEST_F(FactsTest, UplinksOfARouteWithSeveralNextHops) {
  must(
      "ip address add 192.168.60.1/24 dev und1; ip route del default; ip route add default nexthop via "
      "192.168.50.254 dev und0 nexthop via 192.168.60.254 dev und1");
  EXPECT_EQ(facts("192.168.50.1").uplinks, (std::vector{dev("und0"), dev("und1")}));
}

// As VPNs write it over the one that is there.
TEST_F(FactsTest, ADefaultRouteInHalvesIsOne) {
  must("ip address add 192.168.60.1/24 dev und1; ip route add 0.0.0.0/1 via 192.168.60.254");
  const auto is_half = [](const FactRoute& route) { return route.destination.length() == 1; };
  EXPECT_EQ(facts("192.168.50.1").uplinks, (std::vector{dev("und0")}))
      << "half of the world is no default route";
  EXPECT_TRUE(std::ranges::any_of(facts("192.168.50.1").routes, is_half));
  must("ip route add 128.0.0.0/1 via 192.168.60.254");
  EXPECT_EQ(facts("192.168.50.1").uplinks, (std::vector{dev("und0"), dev("und1")}));
  EXPECT_FALSE(std::ranges::any_of(facts("192.168.50.1").routes, is_half));
}

TEST_F(FactsTest, TheWayOutIsTheOneThatTheKernelTakes) {
  must(
      "ip link add br-x type bridge; ip link set br-x up; ip addr add 172.31.0.1/24 dev br-x; "
      "sysctl -qw net.ipv4.ip_forward=1");
  must("ip address add 192.168.60.1/24 dev und1");
  const auto way = [&] {
    const auto found = kernel->way_out(dev("br-x"), ip("172.31.0.2"));
    EXPECT_TRUE(found.ok()) << found.error().message;
    return found.ok() && found.value() ? found.value()->text() : "";
  };
  EXPECT_EQ(way(), "und0");
  must("ip route add 64.0.0.0/8 via 192.168.60.254");
  EXPECT_EQ(way(), "") << "not all of it goes there";
  must(
      "ip route del 64.0.0.0/8; ip route add default via 192.168.60.254 table 77; ip rule add pref 9 lookup "
      "77");
  EXPECT_EQ(way(), "und1");
  must("ip rule del pref 9; ip rule add pref 9 iif br-x prohibit");
  EXPECT_EQ(way(), "");
  must("ip rule del pref 9; ip route del default");
  EXPECT_EQ(way(), "");
}

TEST_F(FactsTest, AnInterfaceGivesItsFirstGlobalAddressIpv4First) {
  EXPECT_EQ(facts("", "und0").vtep, ip("192.168.50.1"));
  must("ip address del 192.168.50.1/24 dev und0");
  EXPECT_EQ(facts("", "und0").vtep, ip("fd00::1"));
}

// What is moved between machines, or soon gone, is no address for others to reach a host by.
TEST_F(FactsTest, AnInterfaceGivesNoAddressThatCameFirstByChance) {
  must(
      "ip address flush dev und0; ip address add 192.168.50.9/32 dev und0; "
      "ip address add 192.168.50.8/24 dev und0 preferred_lft 0; ip address add 192.168.50.1/24 dev und0; "
      "ip address add 192.168.50.7/24 dev und0");
  EXPECT_EQ(facts("", "und0").vtep, ip("192.168.50.1"));
  must("ip address flush dev und0; ip address add 192.168.50.9/32 dev und0");
  EXPECT_EQ(facts("", "und0").vtep, ip("192.168.50.9")) << "as some clouds give it: it is the only one";
  must(
      "ip address flush dev und0; ip address add fd00::9/128 dev und0 nodad; "
      "ip address add fd00::8/64 dev und0 nodad preferred_lft 0; ip address add fd00::1/64 dev und0 nodad");
  EXPECT_EQ(facts("", "und0").vtep, ip("fd00::1"));
  must("ip address flush dev und0; ip address add fd00::8/64 dev und0 nodad preferred_lft 0");
  const FactsRequest request{.host = HostName::parse("a").value(), .interface = dev("und0")};
  EXPECT_EQ(kernel->facts(request).error().message,
            "interface und0 has no lasting address by which others reach this machine");
}

TEST_F(FactsTest, AnInterfaceKeepsTheRecordedAddressWhileItHasIt) {
  must("ip address add 192.168.50.7/24 dev und0; ip address add 192.168.50.9/32 dev und0");
  FactsRequest request{.host = HostName::parse("a").value(), .interface = dev("und0")};
  for (const char* recorded : {"192.168.50.1", "192.168.50.7", "192.168.50.9", "fd00::1"}) {
    request.recorded = ip(recorded);
    EXPECT_EQ(kernel->facts(request).value().vtep, ip(recorded));
  }
  must("ip address del 192.168.50.9/32 dev und0; ip address add 192.168.50.9/32 dev und1");
  request.recorded = ip("192.168.50.9");
  EXPECT_EQ(kernel->facts(request).value().vtep, ip("192.168.50.1")) << "another interface has it now";
}

TEST_F(FactsTest, AnInterfaceIsFoundByItsOtherNames) {
  must("ip link property add dev und0 altname uplink altname enp1s0");
  EXPECT_EQ(facts("", "uplink").vtep, ip("192.168.50.1"));
  EXPECT_EQ(facts("", "enp1s0").underlay_mtu, 1400U);
  const FactsRequest request{.host = HostName::parse("a").value(), .interface = dev("none")};
  EXPECT_EQ(kernel->facts(request).error().message, "there is no interface none on this machine");
}

TEST_F(FactsTest, AChangedAddressIsHeardOf) {
  auto watch = AddressWatch::open();
  ASSERT_TRUE(watch.ok()) << watch.error().message;
  EXPECT_FALSE(watch.value().has_changed());
  must("ip address add 192.168.50.7/24 dev und0");
  EXPECT_TRUE(watch.value().has_changed());
  EXPECT_FALSE(watch.value().has_changed());
  must("ip address del 192.168.50.7/24 dev und0");
  EXPECT_TRUE(watch.value().has_changed());
}

// Kernel: what is reached by a gateway, or by a device without ARP, may have a router in between.
TEST_F(FactsTest, WhoIsOnALinkOfThisHost) {
  must(
      "ip link set und1 arp off && ip address add 10.7.0.1/24 dev und1 && "
      "ip route add 10.9.0.0/16 via 192.168.50.254 && ip route add 10.8.0.0/16 dev und0 && "
      "ip route add blackhole 10.6.0.0/16 && ip route add fd09::/64 via fd00::9");
  const std::vector<IpAddress> asked{ip("10.4.0.1"), ip("192.168.50.7"), ip("10.9.0.1"),
                                     ip("10.7.0.2"), ip("192.168.50.1"), ip("203.0.113.1"),
                                     ip("10.6.0.1"), ip("fd00::5"),      ip("10.8.0.1")};
  const std::uint64_t before = kernel->writes();
  const auto near = kernel->on_link(ip("192.168.50.1"), asked);
  ASSERT_TRUE(near.ok()) << near.error().message;
  EXPECT_EQ(near.value(), (std::vector{ip("10.4.0.1"), ip("192.168.50.7"), ip("10.8.0.1")}));
  const std::vector<IpAddress> asked6{ip("fd00::5"), ip("fd09::5"), ip("2001:db8::1")};
  const auto near6 = kernel->on_link(ip("fd00::1"), asked6);
  ASSERT_TRUE(near6.ok()) << near6.error().message;
  EXPECT_EQ(near6.value(), std::vector{ip("fd00::5")});
  const auto elsewhere = kernel->on_link(ip("192.168.50.99"), asked);
  ASSERT_TRUE(elsewhere.ok()) << elsewhere.error().message;
  EXPECT_TRUE(elsewhere.value().empty()) << "from an address that is not this host's";
  must("ip link set und0 arp off");
  EXPECT_TRUE(kernel->on_link(ip("192.168.50.1"), asked).value().empty());
  EXPECT_EQ(kernel->writes(), before);
}

TEST_F(FactsTest, WhatShutsThisHostUnlessItsRulesTakeIt) {
  EXPECT_FALSE(kernel->is_shut_by_others().value());
  must(
      "nft add table inet fw && nft add chain inet fw in '{ type filter hook input priority 0; policy "
      "accept; }'"
      " && nft add chain inet fw out '{ type filter hook forward priority 0; policy drop; }'");
  EXPECT_FALSE(kernel->is_shut_by_others().value()) << "others' packets are not this host's own";
  must(
      "nft add table ip filter && nft add chain ip filter INPUT '{ type filter hook input priority 0; policy "
      "drop; }'");
  EXPECT_TRUE(kernel->is_shut_by_others().value());
  must("nft delete table ip filter");
  EXPECT_FALSE(kernel->is_shut_by_others().value());
  must("nft add chain inet fw own '{ type filter hook output priority 0; policy drop; }'");
  EXPECT_TRUE(kernel->is_shut_by_others().value());
}

TEST_F(FactsTest, AnAddressOrInterfaceThatIsNotHereIsAConflictWithARemedy) {
  FactsRequest request{.host = HostName::parse("a").value(), .advertise = ip("192.168.50.9")};
  auto read = kernel->facts(request);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, Errc::conflict);
  EXPECT_NE(read.error().message.find("192.168.50.9 of host a"), std::string::npos);
  EXPECT_EQ(read.error().hint.find("give the interface"), std::string::npos) << "two hosts would have it";
  EXPECT_NE(read.error().hint.find("--host"), std::string::npos);
  request = {.host = request.host, .interface = dev("und1")};
  EXPECT_EQ(kernel->facts(request).error().code, Errc::conflict);
}

TEST_F(FactsTest, TheMachineIsItsIdAndItsNamespace) {
  const std::string here = facts("192.168.50.1").machine;
  EXPECT_EQ(here.size(), 32U);
  EXPECT_EQ(facts("192.168.50.1").machine, here);
  write_text("/run/netns/machine-id", "4567\n");
  EXPECT_NE(facts("192.168.50.1").machine, here);
  write_text("/run/netns/machine-id", "0123\n");
  ASSERT_EQ(unshare(CLONE_NEWNET), 0);
  reopen();
  EXPECT_NE(facts("").machine, here);
}

TEST_F(FactsTest, AnAnnouncementGivesNeighboursTheNewMac) {
  apply(Operations().create("web", owned_netns("web")));
  must(
      "ip link set und1 netns web; ip -n web address add 192.168.50.2/24 dev und1; "
      "ip -n web address add fd00::2/64 dev und1 nodad; ip -n web link set und1 up");
  must(
      "ip neigh add 192.168.50.2 dev und0 lladdr 02:00:00:00:00:01 nud stale; "
      "ip neigh add fd00::2 dev und0 lladdr 02:00:00:00:00:01 nud stale");
  const MacAddress fresh = mac("02:42:0a:00:09:02");
  const std::uint64_t before = kernel->writes();
  const std::vector<Announcement> announcements{
      {.netns = netns("web"), .dev = dev("und1"), .address = ip("192.168.50.2"), .mac = fresh},
      {.netns = netns("web"), .dev = dev("und1"), .address = ip("fd00::2"), .mac = fresh}};
  const Status announced = kernel->announce(announcements);
  ASSERT_TRUE(announced.ok()) << announced.error().message;
  EXPECT_EQ(kernel->writes(), before);
  for (const char* address : {"192.168.50.2", "fd00::2"}) {
    EXPECT_TRUE(wait_until([&] {
      return shell(std::string("ip neigh show ") + address).output.find(fresh.text()) != std::string::npos;
    })) << shell("ip neigh").output;
  }
}

TEST(Announcement, TheChecksumOfAnAdvertisementAddsUp) {
  const auto frame = announcement_frame(ip("fd00:9::2"), mac("02:42:0a:00:09:02"));
  ASSERT_EQ(frame.size(), 14U + 40 + 32);
  // RFC 8200, 8.1: addresses, length and next header, then the message; the sum is all ones.
  std::uint32_t sum = 32 + 58;
  for (std::size_t i = 14 + 8; i < frame.size(); i += 2) sum += frame[i] * 256U + frame[i + 1];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  EXPECT_EQ(sum, 0xffffU);
}

TEST_F(FactsTest, AnAnnouncementOnNoDeviceSaysSo) {
  const std::vector<Announcement> announcements{{.netns = netns(""),
                                                 .dev = dev("nowhere"),
                                                 .address = ip("10.0.0.1"),
                                                 .mac = mac("02:00:00:00:00:01")}};
  EXPECT_EQ(kernel->announce(announcements).error().code, Errc::not_found);
}

}  // namespace

}  // namespace ovl::test
