// The port filter at work: a bridge with two endpoints and an unlisted port; what an endpoint may
// call itself passes, what it forges does not. Each forgery is seen to pass before the filter is set.
#include <linux/if_ether.h>

#include "drivers/nft/nft.hpp"
#include "tests/kernel/nft_rig.hpp"

namespace ovl::test {

namespace {

const MacAddress kMac1 = mac("02:42:0a:00:09:02");
const MacAddress kMac2 = mac("02:42:0a:00:09:03");
const MacAddress kMac3 = mac("02:42:0a:00:09:04");  // behind the unlisted port
const MacAddress kEveryone = mac("ff:ff:ff:ff:ff:ff");
const MacAddress kAllNodes = mac("33:33:00:00:00:01");
const IpAddress kIp1 = ip("10.0.9.2");
const IpAddress kIp2 = ip("10.0.9.3");
const IpAddress kIp3 = ip("10.0.9.4");
const IpAddress kSixth1 = ip("fd00:9::2");
const IpAddress kSixth2 = ip("fd00:9::3");
const IpAddress kLocal1 = ip("fe80::42:aff:fe00:902");
const IpAddress kLocal2 = ip("fe80::42:aff:fe00:903");
const IpAddress kNodes = ip("ff02::1");
const Packet kNumber{0xde, 0xad, 0xbe, 0xef};

constexpr std::uint8_t kSolicitation = 135;
constexpr std::uint8_t kAdvertisement = 136;

struct Case {
  std::string name;
  Packet frame;
  // As the receiver sees it, when the kernel changes it on the way.
  std::optional<Packet> seen = std::nullopt;
};

Packet from1(std::uint16_t type, const Packet& payload, const MacAddress& destination = kMac2) {
  return ethernet(destination, kMac1, type, payload);
}

Packet datagram(const IpAddress& source, const IpAddress& destination, std::uint16_t port = 7777) {
  return packet(source, destination, kUdp, udp(source, destination, 1111, port, kNumber));
}

// Flags, target and options; the destination is all nodes, which any receiver of the bridge sees.
Packet discovery(const IpAddress& source, std::uint8_t type, const IpAddress& target, const Packet& options) {
  const Packet address(target.bytes().begin(), target.bytes().end());
  return from1(ETH_P_IPV6,
               packet(source, kNodes, kIcmp6, icmp6(source, kNodes, type, Packet(4) + address + options)),
               kAllNodes);
}

Packet option(std::uint8_t type, const MacAddress& value) {
  return Packet{type, 1} + Packet(value.bytes().begin(), value.bytes().end());
}

std::vector<Case> legitimate() {
  return {
      {"IPv4", from1(ETH_P_IP, datagram(kIp1, kIp2))},
      {"IPv4 of another protocol", from1(ETH_P_IP, packet(kIp1, kIp2, 253, kNumber))},
      {"IPv6", from1(ETH_P_IPV6, datagram(kSixth1, kSixth2))},
      {"IPv6 link-local", from1(ETH_P_IPV6, datagram(kLocal1, kLocal2))},
      {"ARP request", from1(ETH_P_ARP, arp(1, kMac1, kIp1, kIp2), kEveryone)},
      {"ARP reply", from1(ETH_P_ARP, arp(2, kMac1, kIp1, kIp2))},
      {"ARP probe", from1(ETH_P_ARP, arp(1, kMac1, ip("0.0.0.0"), kIp1), kEveryone)},
      {"NS", discovery(kSixth1, kSolicitation, kSixth2, option(1, kMac1))},
      {"NS without option", discovery(kLocal1, kSolicitation, kSixth2, {})},
      {"DAD", discovery(ip("::"), kSolicitation, kSixth1, {})},
      {"DAD of the link-local", discovery(ip("::"), kSolicitation, kLocal1, {})},
      {"DAD with nonce", discovery(ip("::"), kSolicitation, kSixth1, {14, 1, 1, 2, 3, 4, 5, 6})},
      {"NA", discovery(kSixth1, kAdvertisement, kSixth1, option(2, kMac1))},
      {"NA without option", discovery(kLocal1, kAdvertisement, kSixth1, {})},
      {"NA of the link-local", discovery(kLocal1, kAdvertisement, kLocal1, option(2, kMac1))},
      {"ping", from1(ETH_P_IPV6, packet(kSixth1, kSixth2, kIcmp6, icmp6(kSixth1, kSixth2, 128, kNumber)))},
  };
}

// Of a guest that makes itself an address, and declared that it does.
std::vector<Case> own_choice() {
  const IpAddress chosen = ip("fe80::1234");
  return {
      {"IPv6", from1(ETH_P_IPV6, datagram(chosen, kLocal2))},
      {"DAD", discovery(ip("::"), kSolicitation, chosen, {})},
      {"DAD with nonce", discovery(ip("::"), kSolicitation, chosen, {14, 1, 1, 2, 3, 4, 5, 6})},
      {"NS", discovery(chosen, kSolicitation, kSixth2, option(1, kMac1))},
      {"NA", discovery(chosen, kAdvertisement, chosen, option(2, kMac1))},
      {"NA without option", discovery(chosen, kAdvertisement, chosen, {})},
  };
}

// Link-local addresses that other MACs stand for: of a port of this bridge, and of an endpoint elsewhere.
std::vector<Case> stolen_link_locals() {
  std::vector<Case> out;
  for (const IpAddress& theirs : {kLocal2, ip("fe80::42:aff:fe00:904")}) {
    const std::string whose = ", " + theirs.text();
    out.push_back({"source" + whose, from1(ETH_P_IPV6, datagram(theirs, kSixth2))});
    out.push_back({"NS" + whose, discovery(theirs, kSolicitation, kSixth2, option(1, kMac1))});
    out.push_back({"NS for the same" + whose, discovery(theirs, kSolicitation, theirs, option(1, kMac1))});
    out.push_back({"NA" + whose, discovery(kLocal1, kAdvertisement, theirs, option(2, kMac1))});
    out.push_back({"NA without option" + whose, discovery(kLocal1, kAdvertisement, theirs, {})});
    out.push_back({"DAD" + whose, discovery(ip("::"), kSolicitation, theirs, {})});
    out.push_back({"NS behind an extension header" + whose,
                   from1(ETH_P_IPV6,
                         packet(theirs, kNodes, 60,
                                Packet{kIcmp6, 0, 1, 4, 0, 0, 0, 0} +
                                    icmp6(theirs, kNodes, kSolicitation, Packet(20) + option(1, kMac1))),
                         kAllNodes)});
  }
  return out;
}

// Types that carry no address of the network, or packets of their own; and the group that bridges speak to.
std::vector<Case> other_frames() {
  const Packet some = kNumber + Packet(42);
  return {
      {"a type of nobody's", from1(0x88b5, some)},
      {"LLDP", from1(0x88cc, some)},
      {"802.1X", from1(0x888e, some)},
      {"MACsec", from1(0x88e5, some)},
      {"MPLS", from1(0x8847, some)},
      {"MPLS multicast", from1(0x8848, some)},
      {"PPPoE discovery", from1(0x8863, some)},
      {"PPPoE", from1(0x8864, some)},
      {"LLC", from1(46, some)},
      {"STP", from1(46, Packet{0x42, 0x42, 3} + Packet(43), mac("01:80:c2:00:00:00"))},
      {"802.1X to its group", from1(0x888e, some, mac("01:80:c2:00:00:00"))},
  };
}

Packet tagged(std::uint16_t tag, const Packet& frame) {
  Packet out(frame.begin(), frame.begin() + 12);
  return out + be16(tag) + Packet{0, 7} + Packet(frame.begin() + 12, frame.end());
}

std::vector<Case> forged() {
  const Packet plain = from1(ETH_P_IP, datagram(kIp1, kIp2));
  const Packet router = Packet{64, 0, 7, 8} + Packet(8);
  return {
      {"another MAC", ethernet(kMac2, kMac3, ETH_P_IP, datagram(kIp1, kIp2))},
      {"the MAC of another port", ethernet(kMac3, kMac2, ETH_P_IP, datagram(kIp1, kIp3))},
      {"another IPv4", from1(ETH_P_IP, datagram(kIp3, kIp2))},
      {"the IPv4 of another port", from1(ETH_P_IP, datagram(kIp2, kIp3))},
      {"IPv4 from nobody", from1(ETH_P_IP, datagram(ip("0.0.0.0"), kIp2))},
      {"another IPv6", from1(ETH_P_IPV6, datagram(ip("fd00:9::4"), kSixth2))},
      {"the IPv6 of another port", from1(ETH_P_IPV6, datagram(kSixth2, ip("fd00:9::4")))},
      {"ARP with another MAC", from1(ETH_P_ARP, arp(2, kMac3, kIp1, kIp2))},
      {"ARP with another address", from1(ETH_P_ARP, arp(2, kMac1, kIp3, kIp2))},
      {"ARP with the address of another port", from1(ETH_P_ARP, arp(1, kMac1, kIp2, kIp3), kEveryone)},
      {"ARP probe for another's address", from1(ETH_P_ARP, arp(1, kMac1, ip("0.0.0.0"), kIp2), kEveryone)},
      {"ARP of another format", from1(
                                    ETH_P_ARP, Packet{0, 6} +
                                                   [] {
                                                     const Packet whole = arp(2, kMac1, kIp1, kIp2);
                                                     return Packet(whole.begin() + 2, whole.end());
                                                   }())},
      {"RARP", from1(ETH_P_RARP, arp(4, kMac1, kIp3, kIp2))},
      {"NA of another", discovery(kSixth1, kAdvertisement, kSixth2, option(2, kMac1))},
      {"NA of another without option", discovery(kSixth1, kAdvertisement, kSixth2, {})},
      {"NA of another's link-local", discovery(kLocal1, kAdvertisement, kLocal2, option(2, kMac1))},
      {"NA with another MAC", discovery(kSixth1, kAdvertisement, kSixth1, option(2, kMac3))},
      {"NA with two MACs", discovery(kSixth1, kAdvertisement, kSixth1, option(2, kMac1) + option(2, kMac3))},
      {"NS with another MAC", discovery(kSixth1, kSolicitation, kSixth2, option(1, kMac3))},
      {"NS with two MACs", discovery(kSixth1, kSolicitation, kSixth2, option(14, kMac1) + option(1, kMac3))},
      {"NS from another", discovery(kSixth2, kSolicitation, kSixth1, option(1, kMac1))},
      {"DAD against another", discovery(ip("::"), kSolicitation, kSixth2, {})},
      {"RA",
       from1(ETH_P_IPV6, packet(kLocal1, kNodes, kIcmp6, icmp6(kLocal1, kNodes, 134, router)), kAllNodes)},
      {"RA behind an extension header",
       from1(ETH_P_IPV6,
             packet(kLocal1, kNodes, 60,
                    Packet{kIcmp6, 0, 1, 4, 0, 0, 0, 0} + icmp6(kLocal1, kNodes, 134, router)),
             kAllNodes)},
      {"redirect", from1(ETH_P_IPV6, packet(kLocal1, kNodes, kIcmp6, icmp6(kLocal1, kNodes, 137, Packet(36))),
                         kAllNodes)},
      {"DHCP answer", from1(ETH_P_IP, datagram(kIp1, kIp2, 68))},
      {"DHCPv6 answer", from1(ETH_P_IPV6, datagram(kSixth1, kSixth2, 546))},
      {"VLAN", tagged(ETH_P_8021Q, plain), plain},
      {"provider VLAN", tagged(ETH_P_8021AD, plain), plain},
  };
}

class NftPortFilterTest : public NetfilterTest {
 protected:
  void SetUp() override {
    NetfilterTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    make_bridge();
    for (const char* port : {"1", "2", "3"}) add_endpoint(port);
    Inside e1("e1");
    sender_.emplace("e1");
    wait_until_forwarding();
  }

  // Own address of the sandbox, from which a frame for the bridge itself can be told.
  static void make_bridge() {
    add_netns("sandbox");
    run("ip -n sandbox link add bridge0 address 02:42:0a:00:09:01 type bridge mcast_snooping 0"
        " && ip -n sandbox link set bridge0 addrgenmode none && ip -n sandbox link set bridge0 up"
        " && ip -n sandbox address add 10.0.9.1/24 dev bridge0");
  }

  void add_endpoint(const std::string& number) {
    const std::string name = "e" + number;
    add_netns(name);
    run("ip -n sandbox link add p" + number + " type veth peer name " + name + " netns " + name +
        " && ip -n sandbox link set p" + number + " addrgenmode none master bridge0 up" +
        " && ip -n sandbox link set p" + number + " type bridge_slave learning off" + " && ip -n " + name +
        " link set " + name + " addrgenmode none address 02:42:0a:00:09:0" +
        std::to_string(1 + std::stoi(number)) + " up");
    Inside inside(name);
    wires_.emplace_back(name);
  }

  // A port forwards once its carrier was noticed, some time after the link is up.
  void wait_until_forwarding() {
    const auto end = std::chrono::steady_clock::now() + kDeadline;
    const Packet probe = from1(0x88b5, Packet(46), kEveryone);
    for (Wire* wire : {&wires_[1], &wires_[2]}) {
      while (!sees(*wire, probe, Milliseconds(20), [&] { sender_->send(probe); })) {
        ASSERT_LT(std::chrono::steady_clock::now(), end) << "the bridge does not forward";
      }
    }
    while (!sees(wires_[1], marker(), Milliseconds(20), [&] { wires_[2].send(marker()); })) {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << "the bridge does not forward";
    }
    while (wires_[1].receive(Milliseconds(0))) continue;
  }

  template <class Act>
  static bool sees(Wire& wire, const Packet& wanted, Milliseconds time, const Act& act) {
    act();
    while (const auto frame = wire.receive(time)) {
      if (*frame == wanted) return true;
    }
    return false;
  }

  // From the unlisted port, so it passes with any filter.
  static Packet marker() { return ethernet(kEveryone, kMac3, 0x88b6, Packet(46)); }

  // Whether a frame that endpoint 1 sends reaches endpoint 2: it comes before a marker sent after it.
  bool passes(const Case& one) {
    sender_->send(one.frame);
    wires_[2].send(marker());
    bool found = false;
    while (const auto frame = wires_[1].receive(kDeadline)) {
      if (*frame == marker()) return found;
      found = found || *frame == one.seen.value_or(one.frame);
    }
    ADD_FAILURE() << "the marker was lost";
    return found;
  }

  static void set_filter(bool any_link_local = false, const FilteredSegment& segment = {}) {
    const std::vector<FilteredPort> ports{
        {.port = dev("p1"), .mac = kMac1, .addresses = {kIp1, kSixth1}, .any_link_local = any_link_local},
        {.port = dev("p2"), .mac = kMac2, .addresses = {kIp2, kSixth2}}};
    Inside sandbox("sandbox");
    auto client = NftClient::open();
    ASSERT_TRUE(client.ok()) << client.error().message;
    const Status done = client.value().create(port_filter("test", ports, segment));
    ASSERT_TRUE(done.ok()) << done.error().message;
  }

  static std::uint64_t dropped(const std::string& reason) {
    return drops_of("sandbox", NftFamily::bridge, reason);
  }

  Wire& sender() { return *sender_; }

  Wire& unlisted() { return wires_[2]; }

  Wire& second() { return wires_[1]; }

 private:
  std::optional<Wire> sender_;
  std::vector<Wire> wires_;
};

}  // namespace

TEST_F(NftPortFilterTest, LegitimateTrafficPasses) {
  set_filter();
  for (const Case& one : legitimate()) EXPECT_TRUE(passes(one)) << one.name;
}

TEST_F(NftPortFilterTest, ForgeriesAreDropped) {
  for (const Case& one : forged()) EXPECT_TRUE(passes(one)) << one.name << ", without a filter";
  set_filter();
  for (const Case& one : forged()) EXPECT_FALSE(passes(one)) << one.name;
}

// Each Linux sends them when a device comes up: that is nobody who takes another's address.
TEST_F(NftPortFilterTest, WhatEveryDeviceBeginsWithIsNoForgery) {
  set_filter();
  const IpAddress routers = ip("ff02::2");
  const Packet report(24);
  for (const Case& one : std::vector<Case>{
           {"RS",
            from1(ETH_P_IPV6, packet(kLocal1, routers, kIcmp6, icmp6(kLocal1, routers, 133, Packet(4)))),
            {}},
           {"RS before an address",
            from1(ETH_P_IPV6, packet(ip("::"), routers, kIcmp6, icmp6(ip("::"), routers, 133, Packet(4)))),
            {}},
           {"report before an address",
            from1(ETH_P_IPV6, packet(ip("::"), kNodes, kIcmp6, icmp6(ip("::"), kNodes, 143, report))),
            {}}}) {
    EXPECT_FALSE(passes(one)) << one.name;
  }
  EXPECT_EQ(dropped("discovery"), 3U);
  EXPECT_EQ(dropped("address"), 0U);
  const Case advertisement{
      "RA", from1(ETH_P_IPV6, packet(kLocal1, kNodes, kIcmp6, icmp6(kLocal1, kNodes, 134, Packet(12)))), {}};
  EXPECT_FALSE(passes(advertisement));
  EXPECT_EQ(dropped("address"), 1U);
}

TEST_F(NftPortFilterTest, NobodyUsesAnothersLinkLocalAddress) {
  for (const Case& one : stolen_link_locals()) EXPECT_TRUE(passes(one)) << one.name << ", without a filter";
  set_filter();
  for (const Case& one : stolen_link_locals()) EXPECT_FALSE(passes(one)) << one.name;
  for (const Case& one : own_choice()) EXPECT_FALSE(passes(one)) << one.name;
}

TEST_F(NftPortFilterTest, AFreeGuestUsesLinkLocalAddressesThatAreNobodys) {
  set_filter(true, {.others = {kMac3}});
  for (const Case& one : own_choice()) EXPECT_TRUE(passes(one)) << one.name;
  for (const Case& one : legitimate()) EXPECT_TRUE(passes(one)) << one.name;
  for (const Case& one : stolen_link_locals()) EXPECT_FALSE(passes(one)) << one.name;
  for (const Case& one : forged()) EXPECT_FALSE(passes(one)) << one.name;
}

TEST_F(NftPortFilterTest, OtherFramesPassWhereTheyAreDeclared) {
  for (const Case& one : other_frames()) EXPECT_TRUE(passes(one)) << one.name << ", without a filter";
  set_filter();
  for (const Case& one : other_frames()) EXPECT_FALSE(passes(one)) << one.name;
  const Case reserved{"IPv4 to a reserved group",
                      from1(ETH_P_IP, datagram(kIp1, kIp2), mac("01:80:c2:00:00:00"))};
  EXPECT_FALSE(passes(reserved));
}

TEST_F(NftPortFilterTest, DeclaredFramesPassAndForgeriesDoNot) {
  set_filter(false, {.any_frames = true});
  for (const Case& one : other_frames()) EXPECT_TRUE(passes(one)) << one.name;
  for (const Case& one : forged()) EXPECT_FALSE(passes(one)) << one.name;
}

TEST_F(NftPortFilterTest, OtherPortsAreFree) {
  set_filter();
  const Packet remote = ethernet(kMac2, mac("02:42:0a:00:09:63"), ETH_P_IP, datagram(ip("10.0.9.99"), kIp2));
  EXPECT_TRUE(sees(second(), remote, kDeadline, [&] { unlisted().send(remote); }));
}

// The kernel takes a frame for a reserved group address off the port, past the bridge: the packet in it
// would arrive in the bridge's namespace with any source.
TEST_F(NftPortFilterTest, ReservedGroupAddressesAreNoWayIn) {
  run("ip netns exec sandbox sysctl -q -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.p1.rp_filter=0");
  std::optional<Udp> inside;
  {
    Inside sandbox("sandbox");
    inside.emplace("10.0.9.1", 7777);
  }
  const Packet forged = ethernet(mac("01:80:c2:00:00:03"), mac("02:00:00:00:00:99"), ETH_P_IP,
                                 datagram(ip("10.0.9.99"), ip("10.0.9.1")));
  sender().send(forged);
  ASSERT_TRUE(inside->receive(kDeadline)) << "without a filter it arrives";
  set_filter();
  const Packet honest = ethernet(mac("02:42:0a:00:09:01"), kMac1, ETH_P_IP, datagram(kIp1, ip("10.0.9.1")));
  sender().send(forged);
  sender().send(honest);
  const auto first = inside->receive(kDeadline);
  ASSERT_TRUE(first) << "an honest one arrives";
  EXPECT_EQ(first->from, kIp1);
}

TEST_F(NftPortFilterTest, ForgedFramesDoNotReachTheBridgeItself) {
  std::optional<Udp> inside;
  {
    Inside sandbox("sandbox");
    inside.emplace("10.0.9.1", 7777);
  }
  const MacAddress bridge = mac("02:42:0a:00:09:01");
  set_filter();
  sender().send(ethernet(bridge, kMac1, ETH_P_IP, datagram(kIp2, ip("10.0.9.1"))));
  sender().send(ethernet(bridge, kMac1, ETH_P_IP, datagram(kIp1, ip("10.0.9.1"))));
  const auto first = inside->receive(kDeadline);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->from, kIp1);
}

}  // namespace ovl::test
