// The host filter at work: who may speak to the VXLAN port, and what leaves through the gateway.
#include <linux/if_ether.h>
#include <unistd.h>

#include "drivers/nft/nft.hpp"
#include "drivers/probe/probe.hpp"
#include "tests/kernel/nft_samples.hpp"

namespace ovl::test {

namespace {

constexpr std::uint32_t kOurVni = 1048576;
constexpr std::uint32_t kForeignVni = 42;
constexpr std::uint16_t kVxlanPort = 4789;
constexpr std::uint16_t kOtherPort = 5000;
const Packet kFrame(64, 0x5a);

void set_filter(const std::string& netns, const HostFilter& filter) {
  Inside inside(netns);
  auto client = NftClient::open();
  ASSERT_TRUE(client.ok()) << client.error().message;
  const Status done = client.value().create(host_filter(filter));
  ASSERT_TRUE(done.ok()) << done.error().message;
}

// ---- into the overlay -----------------------------------------------------------------------------------

HostFilter vxlan_filter() {
  return {.owner = "test",
          .vnis = {Vni::unchecked(kOurVni)},
          .cluster_vnis = {Vni::unchecked(kOurVni)},
          .vxlan_ports = {UdpPort::unchecked(kVxlanPort)},
          .vteps = {ip("10.1.0.2"), ip("fd01::2")},
          .own = {ip("10.1.0.1"), ip("fd01::1")}};
}

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

  // What the host's table has counted under a reason.
  static std::uint64_t dropped(const std::string& reason) {
    Inside host("host");
    const std::vector<NftTableName> names{{NftFamily::inet, "ovl"}};
    auto client = NftClient::open();
    if (!client.ok()) return UINT64_MAX;
    const auto seen = client.value().observe(names);
    if (!seen.ok() || seen.value().empty()) return UINT64_MAX;
    for (const NftCounter& counter : seen.value().front().counters) {
      if (counter.name == "dropped_" + reason) return counter.packets;
    }
    return UINT64_MAX;
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
      " net.ipv4.conf.br1.rp_filter=0 net.ipv4.conf.eth1.rp_filter=0"
      " && (ip netns exec host sysctl -q -w net.bridge.bridge-nf-call-iptables=1 || true)");
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

// ---- out of it ------------------------------------------------------------------------------------------

namespace {

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
      " && ip netns exec host sysctl -q -w net.ipv4.conf.br0.forwarding=1"
      " && (ip netns exec host sysctl -q -w net.bridge.bridge-nf-call-iptables=1 || true)");
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
