// The host filter at work: who may speak to the VXLAN port.
#include <linux/if_ether.h>
#include <unistd.h>

#include "drivers/nft/nft.hpp"
#include "drivers/probe/probe.hpp"
#include "tests/kernel/nft_rig.hpp"

namespace ovl::test {

namespace {

constexpr std::uint32_t kForeignVni = 42;
constexpr std::uint16_t kOtherPort = 5000;
const Packet kFrame(64, 0x5a);

// A host, and a machine beside it that has the address of a VTEP (..2) and one that is none (..3).
class NftVxlanTest : public NetfilterTest {
 protected:
  void SetUp() override {
    NetfilterTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    add_netns("host");
    add_netns("peer");
    run("ip -n host link add eth1 address 02:00:00:00:01:01 type veth peer name eth1 address "
        "02:00:00:00:01:02 netns peer"
        " && ip -n host link set eth1 up && ip -n peer link set eth1 up"
        " && ip -n host address add 10.1.0.1/24 dev eth1 && ip -n host address add fd01::1/64 dev eth1 nodad"
        " && ip -n peer address add 10.1.0.2/24 dev eth1 && ip -n peer address add 10.1.0.3/24 dev eth1"
        " && ip -n peer address add fd01::2/64 dev eth1 nodad"
        " && ip -n peer address add fd01::3/64 dev eth1 nodad"
        // Nothing waits for an answer to ARP or ND, so that what is sent first comes first.
        " && ip -n peer neighbour add 10.1.0.1 lladdr 02:00:00:00:01:01 dev eth1"
        " && ip -n peer neighbour add fd01::1 lladdr 02:00:00:00:01:01 dev eth1");
    Inside host("host");
    vxlan_.emplace("::", kVxlanPort);
    other_.emplace("::", kOtherPort);
  }

  // Whether what send() sends to the VXLAN port arrives: it comes before a datagram to another port.
  template <class Send>
  bool arrives(const Send& send) {
    Inside peer("peer");
    send();
    EXPECT_TRUE(Udp("10.1.0.2", 0).send("10.1.0.1", kOtherPort, kFrame));
    EXPECT_TRUE(other_->receive(kDeadline)) << "the marker was lost";
    const bool came = vxlan_->receive(Milliseconds(0)).has_value();
    while (vxlan_->receive(Milliseconds(0))) continue;
    return came;
  }

  bool arrives_from(const std::string& source, std::uint32_t vni) {
    const std::string host = source.find(':') == std::string::npos ? "10.1.0.1" : "fd01::1";
    return arrives([&] { Udp(source, 0).send(host, kVxlanPort, vxlan(vni, kFrame)); });
  }

  static std::uint64_t dropped(const std::string& reason) {
    return drops_of("host", NftFamily::inet, reason);
  }

  // A container of another program on the host, whose packets it masquerades.
  static void add_box() {
    add_netns("box");
    run("ip -n host link add vbox address 02:00:00:00:02:01 type veth peer name eth0 address "
        "02:00:00:00:02:02 netns box"
        " && ip -n host address add 172.30.0.1/24 dev vbox && ip -n host address add fd30::1/64 dev vbox "
        "nodad"
        " && ip -n host link set vbox up && ip -n box link set eth0 up"
        " && ip -n box address add 172.30.0.2/24 dev eth0 && ip -n box address add fd30::2/64 dev eth0 nodad"
        " && ip -n box route add default via 172.30.0.1 && ip -n box -6 route add default via fd30::1"
        " && ip netns exec host sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1"
        " net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.vbox.rp_filter=0 net.ipv4.conf.eth1.rp_filter=0"
        " && ip netns exec host nft 'add table inet theirs; add chain inet theirs nat { type nat hook "
        "postrouting priority srcnat; }; add rule inet theirs nat iifname vbox masquerade'");
  }

  // Whether a datagram that box writes byte by byte arrives at the host's VXLAN port.
  bool arrives_forged(const std::string& source, std::uint32_t vni) {
    const bool v4 = source.find(':') == std::string::npos;
    const IpAddress host = ip(v4 ? "10.1.0.1" : "fd01::1");
    return arrives([&] {
      Inside box("box");
      Wire wire("eth0");
      wire.send(ethernet(
          mac("02:00:00:00:02:01"), mac("02:00:00:00:02:02"), v4 ? ETH_P_IP : ETH_P_IPV6,
          packet(ip(source), host, kUdp, udp(ip(source), host, 1111, kVxlanPort, vxlan(vni, kFrame)))));
    });
  }

  // Whether the peer gets, at this port, what `from` sends to it as that user; a datagram of root's to
  // another port comes after it.
  static bool peer_gets(const std::string& from, const std::string& target, std::uint16_t port,
                        const Packet& payload, uid_t user = 0) {
    std::optional<Udp> wanted;
    std::optional<Udp> marker;
    {
      Inside peer("peer");
      wanted.emplace("::", port);
      marker.emplace("::", kOtherPort);
    }
    Inside inside(from);
    EXPECT_EQ(::seteuid(user), 0);
    Udp(target.find(':') == std::string::npos ? "0.0.0.0" : "::", 0).send(target, port, payload);
    EXPECT_EQ(::seteuid(0), 0);
    EXPECT_TRUE(Udp("0.0.0.0", 0).send("10.1.0.2", kOtherPort, kFrame));
    EXPECT_TRUE(marker->receive(kDeadline)) << "the marker was lost";
    return wanted->receive(Milliseconds(0)).has_value();
  }

  // A datagram in two IPv6 fragments, the first of which holds no more than `first` bytes.
  bool arrives_in_fragments(const IpAddress& source, std::uint16_t first) {
    const IpAddress host = ip("fd01::1");
    const Packet whole = udp(source, host, 1111, kVxlanPort, vxlan(kOurVni, kFrame));
    const Packet head(whole.begin(), whole.begin() + first);
    const Packet tail(whole.begin() + first, whole.end());
    return arrives([&] {
      Wire wire("eth1");
      ++fragment_id_;
      for (const Packet& part : {fragment6(kUdp, 0, true, fragment_id_, head),
                                 fragment6(kUdp, first, false, fragment_id_, tail)}) {
        wire.send(ethernet(mac("02:00:00:00:01:01"), mac("02:00:00:00:01:02"), ETH_P_IPV6,
                           packet(source, host, kFragment6, part)));
      }
    });
  }

 private:
  std::optional<Udp> vxlan_;
  std::optional<Udp> other_;
  std::uint32_t fragment_id_ = 0;
};

}  // namespace

TEST_F(NftVxlanTest, WithoutAFilterEverybodyGetsIn) {
  for (const std::string source : {"10.1.0.2", "10.1.0.3", "fd01::2", "fd01::3"}) {
    EXPECT_TRUE(arrives_from(source, kOurVni)) << source;
  }
  EXPECT_TRUE(arrives_in_fragments(ip("fd01::3"), 8));
}

TEST_F(NftVxlanTest, OnlyVtepsGetIntoOurNetworks) {
  set_filter("host", vxlan_filter());
  EXPECT_TRUE(arrives_from("10.1.0.2", kOurVni));
  EXPECT_TRUE(arrives_from("fd01::2", kOurVni));
  EXPECT_FALSE(arrives_from("10.1.0.3", kOurVni));
  EXPECT_FALSE(arrives_from("fd01::3", kOurVni));
}

TEST_F(NftVxlanTest, OtherVnisAreLeftAlone) {
  set_filter("host", vxlan_filter());
  for (const std::string source : {"10.1.0.2", "10.1.0.3", "fd01::3"}) {
    EXPECT_TRUE(arrives_from(source, kForeignVni)) << source;
    EXPECT_TRUE(arrives_from(source, kOurVni + 1)) << source;
  }
}

TEST_F(NftVxlanTest, FragmentsDoNotHideTheVni) {
  set_filter("host", vxlan_filter());
  for (const std::uint16_t first : {std::uint16_t{8}, std::uint16_t{16}, std::uint16_t{24}}) {
    EXPECT_FALSE(arrives_in_fragments(ip("fd01::3"), first)) << first;
    EXPECT_TRUE(arrives_in_fragments(ip("fd01::2"), first)) << first;
  }
}

TEST_F(NftVxlanTest, AVtepComesByTheWayThatLeadsBackToIt) {
  add_box();
  for (const std::string source : {"10.1.0.2", "fd01::2"}) {
    EXPECT_TRUE(arrives_forged(source, kOurVni)) << source << " without a filter";
  }
  set_filter("host", vxlan_filter());
  for (const std::string source : {"10.1.0.2", "fd01::2"}) {
    EXPECT_FALSE(arrives_forged(source, kOurVni)) << source;
    EXPECT_TRUE(arrives_forged(source, kForeignVni)) << source;
    EXPECT_TRUE(arrives_from(source, kOurVni)) << source;
  }
  EXPECT_EQ(dropped("source"), 2U);
  EXPECT_FALSE(arrives_forged("172.30.0.2", kOurVni)) << "an address that is no VTEP";
  EXPECT_EQ(dropped("vni"), 1U);
}

TEST_F(NftVxlanTest, AWayOverABridgeOrOverTwoDevicesLeadsBackToo) {
  run("ip -n host link add eth2 type veth peer name eth2 netns peer && ip -n host link set eth2 up"
      " && ip -n peer link set eth2 up && ip -n host address add 10.3.0.1/24 dev eth2"
      " && ip -n peer address add 10.3.0.2/24 dev eth2 && ip -n peer address add 10.1.9.9/32 dev lo"
      " && ip -n host route add 10.1.9.9/32 nexthop via 10.1.0.2 nexthop via 10.3.0.2"
      " && ip netns exec host sysctl -q -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth2.rp_filter=0");
  HostFilter filter = vxlan_filter();
  filter.vteps.push_back(ip("10.1.9.9"));
  set_filter("host", filter);
  EXPECT_TRUE(arrives_from("10.1.9.9", kOurVni));
  EXPECT_TRUE(arrives([] { Udp("10.1.9.9", 0).send("10.3.0.1", kVxlanPort, vxlan(kOurVni, kFrame)); }));
  run("ip -n host link add br1 address 02:00:00:00:01:01 type bridge && ip -n host link set br1 up"
      " && ip -n host address flush dev eth1 && ip -n host link set eth1 master br1"
      " && ip -n host address add 10.1.0.1/24 dev br1 && ip -n host address add fd01::1/64 dev br1 nodad");
  EXPECT_TRUE(arrives_from("10.1.0.2", kOurVni));
  EXPECT_TRUE(arrives_from("fd01::2", kOurVni));
  EXPECT_EQ(dropped("source"), 0U);
}

// The kernel sends what is for this host past its tunnels: nothing honest comes so.
TEST_F(NftVxlanTest, ThisHostsOwnAddressIsNoOthersVtep) {
  const std::vector<std::pair<std::string, std::string>> ways{{"10.1.0.1", "10.1.0.1"},
                                                              {"10.1.0.1", "127.0.0.1"},
                                                              {"10.1.0.1", "127.1.2.3"},
                                                              {"fd01::1", "fd01::1"},
                                                              {"fd01::1", "::1"}};
  const auto loops = [&](const std::pair<std::string, std::string>& way) {
    return arrives([&] {
      Inside host("host");
      Udp(way.first, 0).send(way.second, kVxlanPort, vxlan(kOurVni, kFrame));
    });
  };
  for (const auto& way : ways) EXPECT_TRUE(loops(way)) << way.second << " without a filter";
  HostFilter filter = vxlan_filter();
  set_filter("host", filter);
  for (const auto& way : ways) EXPECT_FALSE(loops(way)) << way.second;
  EXPECT_EQ(dropped("vni"), ways.size());
  run("ip netns exec host nft delete table inet ovl");
  filter.underlays = {dev("eth1")};
  set_filter("host", filter);
  for (const auto& way : ways) EXPECT_FALSE(loops(way)) << way.second << ", where ways differ";
}

TEST_F(NftVxlanTest, WhereWaysDifferTheUnderlaysAreNamed) {
  add_box();
  // The host answers 10.1.0.2 by vbox now, and its packets come by eth1.
  run("ip -n host route add 10.1.0.2/32 via 172.30.0.2");
  HostFilter filter = vxlan_filter();
  set_filter("host", filter);
  EXPECT_FALSE(arrives_from("10.1.0.2", kOurVni));
  run("ip netns exec host nft delete table inet ovl");
  filter.underlays = {dev("eth1")};
  set_filter("host", filter);
  EXPECT_TRUE(arrives_from("10.1.0.2", kOurVni));
  EXPECT_FALSE(arrives_forged("10.1.0.2", kOurVni)) << "by a device that is no underlay";
  EXPECT_EQ(dropped("source"), 1U);
}

TEST_F(NftVxlanTest, WhoIsOnTheLinkSendsWithFullTtl) {
  const auto send_with = [](int ttl) {
    const std::string text = std::to_string(ttl);
    run("ip netns exec peer sysctl -q -w net.ipv4.ip_default_ttl=" + text +
        " net.ipv6.conf.eth1.hop_limit=" + text + " net.ipv6.conf.all.hop_limit=" + text);
  };
  HostFilter filter = vxlan_filter();
  filter.full_ttl = {ip("10.1.0.2"), ip("fd01::2")};
  filter.vteps.push_back(ip("10.1.0.3"));
  send_with(254);
  EXPECT_TRUE(arrives_from("10.1.0.2", kOurVni)) << "without a filter";
  set_filter("host", filter);
  for (const std::string source : {"10.1.0.2", "fd01::2"}) {
    EXPECT_FALSE(arrives_from(source, kOurVni)) << source << " by a router";
    EXPECT_TRUE(arrives_from(source, kForeignVni)) << source << ", another's tunnel";
  }
  EXPECT_TRUE(arrives_from("10.1.0.3", kOurVni)) << "a VTEP that is not held to it";
  EXPECT_EQ(dropped("ttl"), 2U);
  send_with(255);
  for (const std::string source : {"10.1.0.2", "fd01::2"})
    EXPECT_TRUE(arrives_from(source, kOurVni)) << source;
  EXPECT_EQ(dropped("ttl"), 2U);
}

TEST_F(NftVxlanTest, ConntrackLeavesTunnelsAlone) {
  run("ip netns exec host nft 'add table inet seen; add chain inet seen in { type filter hook input priority "
      "10; }; add chain inet seen out { type filter hook output priority 10; }; "
      "add rule inet seen in udp dport 4789 ct state untracked counter; "
      "add rule inet seen out udp dport 4789 ct state untracked counter'");
  const auto untracked = [](const std::string& chain) {
    const std::string listing = run("ip netns exec host nft list chain inet seen " + chain);
    return listing.find("packets 0 ") == std::string::npos;
  };
  EXPECT_TRUE(arrives_from("10.1.0.2", kOurVni));
  EXPECT_FALSE(untracked("in")) << "without a filter";
  set_filter("host", vxlan_filter());
  EXPECT_TRUE(arrives_from("10.1.0.2", kOurVni));
  EXPECT_TRUE(untracked("in"));
  add_netns("sandbox");
  run("ip -n host link add vxlan0 netns sandbox type vxlan id 1048576 dstport 4789 local 10.1.0.1 remote "
      "10.1.0.2 && ip -n sandbox link set vxlan0 up || true");
  EXPECT_TRUE(arrives_from("10.1.0.3", kForeignVni)) << "checks stay where they were";
  EXPECT_FALSE(arrives_from("10.1.0.3", kOurVni));
}

TEST_F(NftVxlanTest, NoUserSendsIntoTheTunnel) {
  constexpr uid_t nobody = 65534;
  const Packet frame = vxlan(kOurVni, kFrame);
  for (const std::string target : {"10.1.0.2", "fd01::2"}) {
    EXPECT_TRUE(peer_gets("host", target, kVxlanPort, frame, nobody)) << target << " without a filter";
  }
  set_filter("host", vxlan_filter());
  for (const std::string target : {"10.1.0.2", "fd01::2"}) {
    EXPECT_FALSE(peer_gets("host", target, kVxlanPort, frame, nobody)) << target;
    EXPECT_TRUE(peer_gets("host", target, kVxlanPort, frame)) << target << " as root";
    EXPECT_TRUE(peer_gets("host", target, 53, kFrame, nobody)) << target << ", another port";
  }
  EXPECT_EQ(dropped("uid"), 2U);
}

// A VXLAN device in the host's own namespace: what it sends still has the socket of who sent into it.
TEST_F(NftVxlanTest, UsersSendThroughOtherTunnelsOfTheHost) {
  run("ip -n host link add vxlan9 type vxlan id 42 dstport 4790 local 10.1.0.1 remote 10.1.0.2"
      " && ip -n host address add 10.9.0.1/24 dev vxlan9 && ip -n host link set vxlan9 up"
      " && ip -n host neighbour add 10.9.0.2 lladdr 02:00:00:00:09:02 dev vxlan9");
  HostFilter filter = vxlan_filter();
  filter.vxlan_ports.push_back(UdpPort::unchecked(4790));
  set_filter("host", filter);
  std::optional<Udp> peer;
  {
    Inside inside("peer");
    peer.emplace("::", 4790);
  }
  Inside host("host");
  ASSERT_EQ(::seteuid(65534), 0);
  Udp("10.9.0.1", 0).send("10.9.0.2", 7777, kFrame);
  ASSERT_EQ(::seteuid(0), 0);
  EXPECT_TRUE(peer->receive(kDeadline));
  EXPECT_EQ(dropped("uid"), 0U);
}

// A VXLAN socket listens on every address of its host.
TEST_F(NftVxlanTest, NoUserSendsIntoTheTunnelByAnotherAddress) {
  constexpr uid_t nobody = 65534;
  const Packet frame = vxlan(kOurVni, kFrame);
  run("ip -n host route add 224.0.0.0/4 dev eth1 && ip -n host route add 255.255.255.255/32 dev eth1");
  const std::vector<std::string> targets{"10.1.0.3", "10.1.0.255", "255.255.255.255", "224.0.0.1", "fd01::3"};
  for (const std::string& target : targets) {
    EXPECT_TRUE(peer_gets("host", target, kVxlanPort, frame, nobody)) << target << " without a filter";
  }
  set_filter("host", vxlan_filter());
  for (const std::string& target : targets) {
    EXPECT_FALSE(peer_gets("host", target, kVxlanPort, frame, nobody)) << target;
    EXPECT_TRUE(peer_gets("host", target, kVxlanPort, frame)) << target << " as root";
  }
  EXPECT_GE(dropped("uid"), targets.size()) << "a group's packets have a copy for this host";
}

// Another host may have a network on a port that this one has not heard of yet.
TEST_F(NftVxlanTest, NobodySendsATunnelsHeaderToAVtepAtAnyPort) {
  constexpr uid_t nobody = 65534;
  constexpr std::uint16_t unheard = 4790;
  const Packet frame = vxlan(kOurVni, kFrame);
  add_box();
  set_filter("host", vxlan_filter());
  for (const std::string target : {"10.1.0.2", "fd01::2"}) {
    EXPECT_FALSE(peer_gets("host", target, unheard, frame, nobody)) << target;
    EXPECT_TRUE(peer_gets("host", target, unheard, kFrame, nobody)) << target << ", other bytes";
    EXPECT_TRUE(peer_gets("host", target, unheard, frame)) << target << " as root";
    EXPECT_FALSE(peer_gets("box", target, unheard, frame)) << target;
    EXPECT_TRUE(peer_gets("box", target, unheard, kFrame)) << target << ", other bytes";
  }
  EXPECT_EQ(dropped("uid"), 2U);
  EXPECT_EQ(dropped("disguise"), 2U);
}

TEST_F(NftVxlanTest, NobodyIsForwardedInTheDressOfTheTunnel) {
  add_box();
  const Packet frame = vxlan(kOurVni, kFrame);
  for (const std::string target : {"10.1.0.2", "fd01::2"}) {
    EXPECT_TRUE(peer_gets("box", target, kVxlanPort, frame)) << target << " without a filter";
  }
  set_filter("host", vxlan_filter());
  for (const std::string target : {"10.1.0.2", "10.1.0.3", "fd01::2", "fd01::3"}) {
    EXPECT_FALSE(peer_gets("box", target, kVxlanPort, frame)) << target;
    EXPECT_TRUE(peer_gets("box", target, 53, kFrame)) << target << ", another port";
  }
  EXPECT_EQ(dropped("disguise"), 4U);
  // A guest with a VTEP of its own, which nobody masquerades.
  run("ip netns exec host nft flush chain inet theirs nat && ip -n peer route add 172.30.0.0/24 via 10.1.0.1"
      " && ip -n peer -6 route add fd30::/64 via fd01::1 && ip netns exec host nft delete table inet ovl");
  HostFilter filter = vxlan_filter();
  filter.vteps.push_back(ip("172.30.0.2"));
  filter.vteps.push_back(ip("fd30::2"));
  set_filter("host", filter);
  for (const std::string target : {"10.1.0.2", "fd01::2"}) {
    EXPECT_TRUE(peer_gets("box", target, kVxlanPort, frame)) << target << ", its own VTEP";
  }
}

TEST_F(NftVxlanTest, NobodyIsForwardedInTheDressOfAnotherHostsTunnels) {
  add_box();
  HostFilter filter = vxlan_filter();
  filter.vteps.push_back(ip("10.1.0.4"));
  filter.vteps.push_back(ip("fd01::4"));
  const auto passes = [](const std::string& source, const std::string& target, std::uint16_t port) {
    std::optional<Udp> wanted;
    {
      Inside peer("peer");
      wanted.emplace("::", port);
    }
    Inside box("box");
    Wire("eth0").send(ethernet(mac("02:00:00:00:02:01"), mac("02:00:00:00:02:02"),
                               ip(source).is_ipv4() ? ETH_P_IP : ETH_P_IPV6,
                               packet(ip(source), ip(target), kUdp,
                                      udp(ip(source), ip(target), 1111, port, vxlan(kOurVni, kFrame)))));
    EXPECT_TRUE(peer_gets("box", "10.1.0.2", 53, kFrame));
    return wanted->receive(Milliseconds(0)).has_value();
  };
  run("ip netns exec host nft flush chain inet theirs nat && ip -n peer route add 172.30.0.0/24 via 10.1.0.1"
      " && ip -n host neighbour replace 10.1.0.2 lladdr 02:00:00:00:01:02 dev eth1"
      " && ip -n host neighbour replace fd01::2 lladdr 02:00:00:00:01:02 dev eth1");
  for (const std::uint16_t port : {kVxlanPort, std::uint16_t{4790}}) {
    EXPECT_TRUE(passes("10.1.0.4", "10.1.0.2", port)) << port << " without a filter";
    EXPECT_TRUE(passes("fd01::4", "fd01::2", port)) << port << " without a filter";
  }
  set_filter("host", filter);
  for (const std::uint16_t port : {kVxlanPort, std::uint16_t{4790}}) {
    EXPECT_FALSE(passes("10.1.0.4", "10.1.0.2", port)) << port;
    EXPECT_FALSE(passes("fd01::4", "fd01::2", port)) << port;
  }
  EXPECT_EQ(dropped("source"), 4U);
  run("ip netns exec host nft delete table inet ovl");
  filter.underlays = {dev("eth1")};
  set_filter("host", filter);
  EXPECT_FALSE(passes("10.1.0.4", "10.1.0.2", kVxlanPort)) << "by a device that is no underlay";
}

// What this host only bridges is no packet of its own, though br_netfilter shows it to the filters of IP.
// What it routes from there is judged.
TEST_F(NftVxlanTest, AGuestOnABridgeHasAVtepOfItsOwn) {
  add_netns("guest");
  add_netns("segment");
  run("ip -n host link add br1 address 02:00:00:00:03:01 type bridge && ip -n host link set br1 up");
  for (const std::string name : {"guest", "segment"}) {
    run("ip -n host link add p" + name + " type veth peer name eth0 netns " + name +
        " && ip -n host link set p" + name + " master br1 up && ip -n " + name + " link set eth0 up");
  }
  run("ip -n guest address add 10.1.0.4/24 dev eth0 && ip -n segment address add 10.1.0.9/24 dev eth0"
      " && ip -n guest neighbour add 10.1.0.2 lladdr 02:00:00:00:03:01 dev eth0"
      " && ip -n host neighbour add 10.1.0.2 lladdr 02:00:00:00:01:02 dev eth1"
      " && ip netns exec host sysctl -q -w net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0"
      " net.ipv4.conf.br1.rp_filter=0 net.ipv4.conf.eth1.rp_filter=0");
  if (!shows_bridged_frames("host")) GTEST_SKIP() << kNoBrNetfilter;
  HostFilter filter = vxlan_filter();
  filter.vteps.push_back(ip("10.1.0.4"));
  filter.ways = {dev("eth1")};
  const auto gets = [](const std::string& target, std::uint16_t port, Milliseconds time) {
    std::optional<Udp> socket;
    {
      Inside inside(target == "10.1.0.2" ? "peer" : "segment");
      socket.emplace(target, port);
    }
    Inside inside("guest");
    Udp("10.1.0.4", 0).send(target, port, vxlan(kOurVni, kFrame));
    return socket->receive(time).has_value();
  };
  EXPECT_TRUE(gets("10.1.0.2", kVxlanPort, kDeadline)) << "without a filter";
  set_filter("host", filter);
  for (const std::uint16_t port : {kVxlanPort, std::uint16_t{4790}}) {
    EXPECT_TRUE(gets("10.1.0.9", port, kDeadline)) << port;
    EXPECT_EQ(dropped("source"), port == kVxlanPort ? 0U : 1U);
    EXPECT_FALSE(gets("10.1.0.2", port, Milliseconds(200))) << port << ", routed";
  }
  EXPECT_EQ(dropped("source"), 2U);
}

// As ovl doctor asks whether anything listens there.
TEST_F(NftVxlanTest, AKnockOfAVtepIsAnsweredWhereFullTtlIsDemanded) {
  constexpr std::uint16_t closed = 4790;
  HostFilter filter = vxlan_filter();
  filter.vxlan_ports.push_back(UdpPort::unchecked(closed));
  filter.full_ttl = filter.vteps;
  set_filter("host", filter);
  run("ip -n peer address delete fd01::3/64 dev eth1");  // or it would knock with that one
  for (const std::string target : {"10.1.0.1", "fd01::1"}) {
    Inside peer("peer");
    const auto answer = knock(ip(target), UdpPort::unchecked(closed), kDeadline);
    ASSERT_TRUE(answer.ok()) << answer.error().message;
    EXPECT_EQ(answer.value(), ProbeAnswer::refused) << target;
  }
  EXPECT_EQ(dropped("ttl"), 0U);
}

TEST_F(NftVxlanTest, AnotherProgramsVxlanDeviceIsNoTunnelOfOurs) {
  add_box();
  run("ip -n host link add fl type vxlan id 77 dstport 8472 local 172.30.0.1 remote 172.30.0.2"
      " && ip -n box link add fl type vxlan id 77 dstport 8472 local 172.30.0.2 remote 172.30.0.1"
      " && ip -n host address add 172.31.0.1/24 dev fl && ip -n box address add 172.31.0.2/24 dev fl"
      " && ip -n host link set fl up && ip -n box link set fl up"
      " && ip -n box route replace default via 172.31.0.1"
      " && ip netns exec host sysctl -q -w net.ipv4.conf.fl.rp_filter=0"
      " && ip netns exec host nft add rule inet theirs nat iifname fl masquerade");
  const Packet frame = vxlan(kOurVni, kFrame);
  EXPECT_TRUE(peer_gets("box", "10.1.0.2", kVxlanPort, frame)) << "without a filter";
  set_filter("host", vxlan_filter());
  EXPECT_FALSE(peer_gets("box", "10.1.0.2", kVxlanPort, frame));
  EXPECT_TRUE(peer_gets("box", "10.1.0.2", 53, kFrame)) << "another port";
  EXPECT_EQ(dropped("disguise"), 1U);
}

// Who asks from the port of a tunnel gets its answer there.
TEST_F(NftVxlanTest, AnswersToTheTunnelsPortAreTracked) {
  add_box();
  set_filter("host", vxlan_filter());
  for (const std::string source : {"172.30.0.2", "fd30::2"}) {
    const bool v4 = ip(source).is_ipv4();
    std::optional<Udp> server;
    std::optional<Udp> client;
    {
      Inside peer("peer");
      server.emplace(v4 ? "10.1.0.2" : "fd01::2", 5300);
    }
    {
      Inside box("box");
      client.emplace(source, kVxlanPort);
    }
    ASSERT_TRUE(client->send(v4 ? "10.1.0.2" : "fd01::2", 5300, kFrame));
    const auto asked = server->receive(kDeadline);
    ASSERT_TRUE(asked) << source;
    ASSERT_EQ(asked->port, kVxlanPort);
    ASSERT_TRUE(server->send(v4 ? "10.1.0.1" : "fd01::1", kVxlanPort, kFrame));
    EXPECT_TRUE(client->receive(kDeadline)) << source;
  }
}

TEST_F(NftVxlanTest, ATunnelPassesItsOwnHostsFilter) {
  set_filter("host", vxlan_filter());
  add_netns("sandbox");
  run("ip -n host link add vxlan0 group " + std::to_string(kLinkGroup) +
      " netns sandbox type vxlan id 1048576 dstport 4790 local 10.1.0.1 remote "
      "10.1.0.2 && ip -n sandbox link set vxlan0 up");
  HostFilter filter = vxlan_filter();
  filter.vxlan_ports.push_back(UdpPort::unchecked(4790));
  run("ip netns exec host nft delete table inet ovl");
  set_filter("host", filter);
  std::optional<Udp> peer;
  {
    Inside inside("peer");
    peer.emplace("::", 4790);
  }
  Inside sandbox("sandbox");
  Wire("vxlan0").send(ethernet(mac("02:00:00:00:00:09"), mac("02:00:00:00:00:08"), ETH_P_ARP, kFrame));
  EXPECT_TRUE(peer->receive(kDeadline));
}

}  // namespace ovl::test
