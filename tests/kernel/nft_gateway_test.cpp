// The host filter at work: what leaves through the gateway.
#include "tests/kernel/nft_rig.hpp"

namespace ovl::test {

namespace {

constexpr std::uint16_t kOtherPort = 5000;
const Packet kFrame(64, 0x5a);

HostFilter gateway_filter() {
  HostFilter filter = vxlan_filter();
  filter.vteps = {};
  filter.own = {ip("203.0.113.2")};
  filter.gateway = GatewayFilter{.bridge = dev("ovl-gw"),
                                 .pool = IpPrefix::parse_exact("172.18.0.0/16").value(),
                                 .uplinks = {dev("eth1")},
                                 .keystores = {{ip("203.0.113.1"), UdpPort::unchecked(2379)}}};
  return filter;
}

// outside 203.0.113.1 -- 203.0.113.2 host 172.18.0.1 -- bridge with isolated ports -- a .2, b .3;
// beside them 198.51.100.1, which the host reaches over a device that is no uplink.
class NftGatewayTest : public NetfilterTest {
 protected:
  void SetUp() override {
    NetfilterTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    for (const char* name : {"host", "outside", "side", "a", "b"}) add_netns(name);
    run("ip -n host link add eth1 type veth peer name eth1 netns outside"
        " && ip -n host link add eth2 type veth peer name eth1 netns side"
        " && ip -n host address add 203.0.113.2/24 dev eth1 && ip -n host address add 198.51.100.2/24 dev "
        "eth2"
        " && ip -n outside address add 203.0.113.1/24 dev eth1"
        " && ip -n side address add 198.51.100.1/24 dev eth1"
        " && ip -n host link set eth1 up && ip -n host link set eth2 up"
        " && ip -n outside link set eth1 up && ip -n side link set eth1 up"
        // The world beyond knows no way back into the pool, but this makes unmasqueraded packets show.
        " && ip -n outside route add 172.16.0.0/12 via 203.0.113.2"
        " && ip -n side route add 172.16.0.0/12 via 198.51.100.2"
        " && ip -n host link add ovl-gw type bridge mcast_snooping 0 && ip -n host link set ovl-gw up"
        " && ip -n host address add 172.18.0.1/16 dev ovl-gw");
    add_endpoint("a", "172.18.0.2");
    add_endpoint("b", "172.18.0.3");
    run("ip netns exec host sysctl -q -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.ovl-gw.rp_filter=0"
        " net.ipv4.conf.eth1.rp_filter=0 net.ipv4.conf.eth2.rp_filter=0"
        " net.ipv4.conf.ovl-gw.forwarding=1 net.ipv4.conf.eth1.forwarding=1 net.ipv4.conf.eth2.forwarding=1"
        " net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.ovl-gw.send_redirects=0");
  }

  static void add_endpoint(const std::string& name, const std::string& address) {
    run("ip -n host link add p" + name + " type veth peer name eth0 netns " + name +
        " && ip -n host link set p" + name + " master ovl-gw up && ip -n host link set p" + name +
        " type bridge_slave isolated on && ip -n " + name + " link set eth0 up && ip -n " + name +
        " address add " + address + "/16 dev eth0 && ip -n " + name +
        " route add default via 172.18.0.1"
        // To the other endpoints through the gateway, as the isolated ports leave no other way.
        " && ip -n " +
        name + " route add 172.18.0.2/31 via 172.18.0.1");
  }

  static Udp socket(const std::string& netns, const std::string& address, std::uint16_t port) {
    Inside inside(netns);
    return {address, port};
  }

  // The address that a datagram has when it arrives, or nullopt when it does not: a marker sent after it
  // to a port of the outside that nobody closes comes first. Precondition: the marker's way is open.
  std::optional<IpAddress> arrival(Udp& from, Udp& to, const std::string& address, std::uint16_t port) {
    Udp marker = socket("outside", "203.0.113.1", kOtherPort);
    Udp second = socket("b", "172.18.0.3", 0);
    from.send(address, port, kFrame);
    const auto end = std::chrono::steady_clock::now() + kDeadline;
    while (!marker.receive(Milliseconds(50))) {
      // Repeated, as the first waits for the bridge's port and for ARP.
      second.send("203.0.113.1", kOtherPort, kFrame);
      if (std::chrono::steady_clock::now() > end) {
        ADD_FAILURE() << "the marker was lost";
        return std::nullopt;
      }
    }
    const auto came = to.receive(Milliseconds(0));
    if (!came) return std::nullopt;
    return came->from;
  }

  // All ports forward and all neighbours are known.
  void warm_up() {
    const auto end = std::chrono::steady_clock::now() + kDeadline;
    Udp outside = socket("outside", "203.0.113.1", 6000);
    Udp side = socket("side", "198.51.100.1", 6000);
    Udp to_a = socket("a", "172.18.0.2", 6000);
    Udp to_b = socket("b", "172.18.0.3", 6000);
    for (Udp* from : {&to_a, &to_b}) {
      await(*from, outside, "203.0.113.1", end);
      await(*from, side, "198.51.100.1", end);
    }
    await(to_a, to_b, "172.18.0.3", end);
    await(to_b, to_a, "172.18.0.2", end);
  }

  static void await(Udp& from, Udp& to, const std::string& address, std::chrono::steady_clock::time_point end,
                    std::uint16_t port = 6000) {
    from.send(address, port, kFrame);
    while (!to.receive(Milliseconds(50))) {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << address << " is unreachable";
      from.send(address, port, kFrame);
    }
  }
};

}  // namespace

TEST_F(NftGatewayTest, WithoutAFilterEverythingPassesUnmasqueraded) {
  warm_up();
  Udp a = socket("a", "172.18.0.2", 0);
  Udp b = socket("b", "172.18.0.3", 7000);
  Udp outside = socket("outside", "203.0.113.1", kVxlanPort);
  Udp side = socket("side", "198.51.100.1", 7000);
  EXPECT_EQ(arrival(a, b, "172.18.0.3", 7000), ip("172.18.0.2"));
  EXPECT_EQ(arrival(a, outside, "203.0.113.1", kVxlanPort), ip("172.18.0.2"));
  EXPECT_EQ(arrival(a, side, "198.51.100.1", 7000), ip("172.18.0.2"));
}

TEST_F(NftGatewayTest, EndpointsReachTheWorldAsTheHostAndGetAnswers) {
  warm_up();
  set_filter("host", gateway_filter());
  Udp a = socket("a", "172.18.0.2", 0);
  Udp outside = socket("outside", "203.0.113.1", 7000);
  ASSERT_TRUE(a.send("203.0.113.1", 7000, kFrame));
  const auto seen = outside.receive(kDeadline);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->from, ip("203.0.113.2"));
  ASSERT_TRUE(outside.send("203.0.113.2", seen->port, {1, 2, 3}));
  const auto answer = a.receive(kDeadline);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->payload, (Packet{1, 2, 3}));
}

TEST_F(NftGatewayTest, EndpointsReachNothingElse) {
  warm_up();
  set_filter("host", gateway_filter());
  Udp a = socket("a", "172.18.0.2", 0);
  Udp b = socket("b", "172.18.0.3", 7000);
  Udp side = socket("side", "198.51.100.1", 7000);
  Udp vxlan_port = socket("outside", "203.0.113.1", kVxlanPort);
  Udp keystore = socket("outside", "203.0.113.1", 2379);
  Udp neighbour = socket("outside", "203.0.113.1", 2380);
  EXPECT_FALSE(arrival(a, b, "172.18.0.3", 7000)) << "endpoint to endpoint";
  EXPECT_FALSE(arrival(a, side, "198.51.100.1", 7000)) << "a device that is no uplink";
  EXPECT_FALSE(arrival(a, vxlan_port, "203.0.113.1", kVxlanPort)) << "VXLAN port";
  EXPECT_FALSE(arrival(a, keystore, "203.0.113.1", 2379)) << "keystore";
  EXPECT_TRUE(arrival(a, neighbour, "203.0.113.1", 2380)) << "the port beside the keystore's";
}

TEST_F(NftGatewayTest, AVxlanHeaderIsOneAtEveryPort) {
  warm_up();
  HostFilter filter = gateway_filter();
  set_filter("host", filter);
  Udp a = socket("a", "172.18.0.2", 0);
  const auto gets = [&](const Packet& payload, std::uint16_t port = 7000) {
    Udp outside = socket("outside", "203.0.113.1", port);
    EXPECT_TRUE(a.send("203.0.113.1", port, payload));
    EXPECT_TRUE(a.send("203.0.113.1", port, {'e', 'n', 'd'}));
    const auto first = outside.receive(kDeadline);
    if (!first) return false;
    const bool got = first->payload == payload;
    if (got) outside.receive(kDeadline);
    return got;
  };
  EXPECT_FALSE(gets(vxlan(kOurVni, kFrame)));
  EXPECT_FALSE(gets(vxlan(kOurVni, Packet(4000, 1)))) << "in fragments";
  EXPECT_TRUE(gets(kFrame)) << "NTP and syslog do not begin like that";
  EXPECT_TRUE(gets({8, 0}));
  EXPECT_TRUE(gets(vxlan(kOurVni, kFrame), 53)) << "one in 65536 of a resolver's own questions does";
  run("ip netns exec host nft delete table inet ovl");
  filter.vteps.push_back(ip("203.0.113.1"));
  set_filter("host", filter);
  EXPECT_FALSE(gets(vxlan(kOurVni, kFrame), 53)) << "to a VTEP";
}

TEST_F(NftGatewayTest, TheKeystoresPortsAreShutByEveryAddressOfTheHost) {
  warm_up();
  run("ip -n host address add 198.51.100.9/24 dev eth2");
  Udp a = socket("a", "172.18.0.2", 0);
  std::vector<std::pair<std::string, Udp>> here;
  for (const std::string address : {"172.18.0.1", "203.0.113.2", "198.51.100.9"}) {
    here.emplace_back(address, socket("host", address, 2379));
    EXPECT_TRUE(arrival(a, here.back().second, address, 2379)) << address << " without a filter";
  }
  set_filter("host", gateway_filter());
  for (auto& [address, listener] : here) EXPECT_FALSE(arrival(a, listener, address, 2379)) << address;
  Udp beside = socket("host", "172.18.0.1", 2380);
  EXPECT_TRUE(arrival(a, beside, "172.18.0.1", 2380)) << "the port beside it";
  Udp other = socket("outside", "203.0.113.1", 5353);
  EXPECT_TRUE(arrival(a, other, "203.0.113.1", 5353));
}

TEST_F(NftGatewayTest, TheKeystoresPortsAreShutByBroadcastAndMulticastToo) {
  warm_up();
  Udp a = socket("a", "172.18.0.2", 0);
  Udp here = socket("host", "0.0.0.0", 2379);
  Udp beside = socket("host", "0.0.0.0", 2381);
  const std::vector<std::string> ways{"172.18.255.255", "255.255.255.255", "224.0.0.1"};
  for (const std::string& way : ways) {
    EXPECT_TRUE(arrival(a, here, way, 2379)) << way << " without a filter";
  }
  set_filter("host", gateway_filter());
  for (const std::string& way : ways) {
    EXPECT_FALSE(arrival(a, here, way, 2379)) << way;
    EXPECT_TRUE(arrival(a, beside, way, 2381)) << way << ", a port beside it";
  }
}

TEST_F(NftGatewayTest, FragmentsDoNotHideThePort) {
  warm_up();
  set_filter("host", gateway_filter());
  Udp a = socket("a", "172.18.0.2", 0);
  Udp vxlan_port = socket("outside", "203.0.113.1", kVxlanPort);
  Udp other = socket("outside", "203.0.113.1", 7000);
  const Packet large(4000, 1);
  ASSERT_TRUE(a.send("203.0.113.1", kVxlanPort, large));
  ASSERT_TRUE(a.send("203.0.113.1", 7000, large));
  const auto whole = other.receive(kDeadline);
  ASSERT_TRUE(whole) << "fragments of what is allowed pass";
  EXPECT_EQ(whole->payload.size(), large.size());
  EXPECT_FALSE(vxlan_port.receive(Milliseconds(0)));
}

TEST_F(NftGatewayTest, ForgedSourcesAreDropped) {
  warm_up();
  run("ip -n a address add 10.66.0.1/32 dev lo");
  Udp forger = socket("a", "10.66.0.1", 0);
  Udp outside = socket("outside", "203.0.113.1", 7000);
  EXPECT_TRUE(arrival(forger, outside, "203.0.113.1", 7000)) << "without a filter";
  set_filter("host", gateway_filter());
  EXPECT_FALSE(arrival(forger, outside, "203.0.113.1", 7000));
  // Nor into the host itself.
  Udp host = socket("host", "172.18.0.1", 7000);
  EXPECT_FALSE(arrival(forger, host, "172.18.0.1", 7000));
  Udp honest = socket("a", "172.18.0.2", 0);
  EXPECT_TRUE(arrival(honest, host, "172.18.0.1", 7000));
}

TEST_F(NftGatewayTest, NobodyOutsideReachesAnEndpoint) {
  warm_up();
  Udp outside = socket("outside", "203.0.113.1", 0);
  Udp a = socket("a", "172.18.0.2", 7000);
  EXPECT_TRUE(arrival(outside, a, "172.18.0.2", 7000)) << "without a filter";
  set_filter("host", gateway_filter());
  EXPECT_FALSE(arrival(outside, a, "172.18.0.2", 7000));
}

TEST_F(NftGatewayTest, NoIpv6LeavesTheBridge) {
  run("ip -n host address add fd02::1/64 dev ovl-gw nodad && ip -n a address add fd02::2/64 dev eth0 nodad");
  warm_up();
  Udp a = socket("a", "fd02::2", 0);
  Udp host = socket("host", "fd02::1", 7000);
  await(a, host, "fd02::1", std::chrono::steady_clock::now() + kDeadline, 7000);
  while (host.receive(Milliseconds(0))) continue;
  set_filter("host", gateway_filter());
  EXPECT_FALSE(arrival(a, host, "fd02::1", 7000));
}

TEST_F(NftGatewayTest, AHostThatWasNoRouterBecomesNone) {
  warm_up();
  HostFilter filter = gateway_filter();
  filter.gateway->opened = {dev("eth1")};
  run("ip -n side route add 203.0.113.0/24 via 198.51.100.2"
      " && ip -n outside route add 198.51.100.0/24 via 203.0.113.2");
  Udp outside = socket("outside", "203.0.113.1", 0);
  Udp side = socket("side", "198.51.100.1", 7000);
  EXPECT_TRUE(arrival(outside, side, "198.51.100.1", 7000)) << "without a filter";
  set_filter("host", filter);
  EXPECT_FALSE(arrival(outside, side, "198.51.100.1", 7000));
  Udp a = socket("a", "172.18.0.2", 0);
  Udp world = socket("outside", "203.0.113.1", 7100);
  EXPECT_TRUE(arrival(a, world, "203.0.113.1", 7100)) << "endpoints have their way out";
}

// br_netfilter shows bridged frames to the hooks of IP, as of the bridge.
TEST_F(NftGatewayTest, GuestsOnTheUplinksBridgeAreLeftAlone) {
  add_netns("guest");
  run("ip -n host link add br0 type bridge && ip -n host link set br0 up && ip -n host address flush dev eth1"
      " && ip -n host link set eth1 master br0 && ip -n host address add 203.0.113.2/24 dev br0"
      " && ip -n host link add pguest type veth peer name eth0 netns guest"
      " && ip -n host link set pguest master br0 up && ip -n guest link set eth0 up"
      " && ip -n guest address add 203.0.113.9/24 dev eth0"
      " && ip netns exec host sysctl -q -w net.ipv4.conf.br0.forwarding=1");
  if (!shows_bridged_frames("host")) GTEST_SKIP() << kNoBrNetfilter;
  HostFilter filter = gateway_filter();
  filter.gateway->uplinks = {dev("br0")};
  filter.gateway->opened = {dev("br0")};
  set_filter("host", filter);
  Udp guest = socket("guest", "203.0.113.9", 7000);
  Udp outside = socket("outside", "203.0.113.1", 7000);
  guest.send("203.0.113.1", 7000, kFrame);
  EXPECT_TRUE(outside.receive(kDeadline));
  outside.send("203.0.113.9", 7000, kFrame);
  EXPECT_TRUE(guest.receive(kDeadline));
  run("ip -n side route add 203.0.113.0/24 via 198.51.100.2"
      " && ip -n outside route add 198.51.100.0/24 via 203.0.113.2");
  Udp side = socket("side", "198.51.100.1", 7000);
  outside.send("198.51.100.1", 7000, kFrame);
  outside.send("203.0.113.9", 7000, kFrame);
  EXPECT_TRUE(guest.receive(kDeadline));
  EXPECT_FALSE(side.receive(Milliseconds(200))) << "this host is no router all the same";
}

// Docker, as an example, turns forwarding on at any time. What came in by a device that forwards by that
// word, and what another program's rules send on, goes its way before the next apply too.
TEST_F(NftGatewayTest, WhatAnotherProgramForwardsGetsItsAnswers) {
  warm_up();
  HostFilter filter = gateway_filter();
  filter.gateway->opened = {dev("eth1")};
  set_filter("host", filter);
  run("ip -n side route add 203.0.113.0/24 via 198.51.100.2"
      " && ip -n outside route add 198.51.100.0/24 via 203.0.113.2");
  Udp side = socket("side", "198.51.100.1", 7000);
  Udp outside = socket("outside", "203.0.113.1", 7000);
  outside.send("198.51.100.1", 7000, kFrame);
  EXPECT_FALSE(side.receive(Milliseconds(200))) << "begun outside";
  side.send("203.0.113.1", 7000, kFrame);
  EXPECT_TRUE(outside.receive(kDeadline));
  outside.send("198.51.100.1", 7000, kFrame);
  EXPECT_TRUE(side.receive(kDeadline)) << "an answer";
  run("ip netns exec host nft 'add table ip theirs; add chain ip theirs in { type nat hook prerouting "
      "priority "
      "dstnat; }; add rule ip theirs in udp dport 8000 dnat to 198.51.100.1:7000'");
  socket("outside", "203.0.113.1", 0).send("203.0.113.2", 8000, kFrame);
  EXPECT_TRUE(side.receive(kDeadline)) << "a published port";
}

TEST_F(NftGatewayTest, ForwardingOfOthersIsNotOurs) {
  warm_up();
  set_filter("host", gateway_filter());
  run("ip -n side route add 203.0.113.0/24 via 198.51.100.2"
      " && ip -n outside route add 198.51.100.0/24 via 203.0.113.2");
  Udp side = socket("side", "198.51.100.1", 0);
  Udp outside = socket("outside", "203.0.113.1", 7000);
  EXPECT_EQ(arrival(side, outside, "203.0.113.1", 7000), ip("198.51.100.1"));
}

}  // namespace ovl::test
