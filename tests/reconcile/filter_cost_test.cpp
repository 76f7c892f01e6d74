// What the filters cost a packet, counted in what the kernel's nft machine does for it, and that the rules
// for common packets let nothing pass that the others would stop. The machine here knows what ours need.
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netfilter.h>

#include <algorithm>
#include <functional>

#include "reconcile/objects/filters.hpp"
#include "reconcile/objects/rules.hpp"
#include "tests/reconcile/nft_machine.hpp"

namespace ovl {

namespace {

using rules::bytes_of;
using test::Machine;
using test::Packet;
using test::Work;

template <class T>
T parsed(const std::string& text) {
  return T::parse(text).value();
}

Bytes named(const std::string& name) {
  return bytes_of(parsed<IfName>(name));
}

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

// Headers as far as the rules read them.
Bytes ip_header(const IpAddress& source, const IpAddress& destination) {
  if (source.is_ipv4()) return joined({Bytes(8), {255}, Bytes(3), bytes_of(source), bytes_of(destination)});
  return joined({{0x60, 0, 0, 0, 0, 24, IPPROTO_ICMPV6, 255}, bytes_of(source), bytes_of(destination)});
}

Bytes to_port(std::uint16_t port) {
  return joined({{4, 4}, bytes_of(port), Bytes(40)});
}

// ---- a sandbox ------------------------------------------------------------------------------------------

const MacAddress kMac = MacAddress::from_ipv4(parsed<IpAddress>("10.0.9.2"));
const MacAddress kOtherMac = MacAddress::from_ipv4(parsed<IpAddress>("10.0.9.3"));

NftTable sandbox(const FilteredSegment& segment = {}, bool free = false) {
  const std::vector<FilteredPort> ports{
      {.port = parsed<IfName>("veth1"),
       .mac = kMac,
       .addresses = {parsed<IpAddress>("10.0.9.2"), parsed<IpAddress>("fd00::2")},
       .any_link_local = free},
      {.port = parsed<IfName>("veth2"), .mac = kOtherMac, .addresses = {parsed<IpAddress>("10.0.9.3")}}};
  return port_filter("x", ports, segment);
}

Packet frame(const MacAddress& from, std::uint16_t type, const IpAddress& source, std::uint8_t protocol,
             std::uint16_t port) {
  return {.in = named("veth1"),
          .in_kind = named("veth"),
          .family = NFPROTO_BRIDGE,
          .protocol = type == ETH_P_IP || type == ETH_P_IPV6 ? protocol : std::uint8_t{0},
          .frame = joined({Bytes(6, 2), bytes_of(from), bytes_of(type)}),
          .network = ip_header(source, source),
          .transport = to_port(port)};
}

Packet from_tunnel() {
  Packet packet = frame(kOtherMac, ETH_P_IP, parsed<IpAddress>("10.0.9.9"), IPPROTO_UDP, 9000);
  packet.in = named("vxlan0");
  packet.in_kind = named("vxlan");
  return packet;
}

// The chain without the rules for common packets.
NftTable without_short_cuts(NftTable table) {
  for (NftChain& chain : table.chains) {
    const auto first = std::ranges::find(chain.rules, "not from an endpoint", &NftRule::comment);
    if (first != chain.rules.end()) chain.rules.erase(chain.rules.begin(), first);
  }
  return table;
}

// ---- a host ---------------------------------------------------------------------------------------------

HostFilter host(bool gateway) {
  HostFilter filter{.owner = "x",
                    .vnis = {Vni::unchecked(0x100000)},
                    .vxlan_ports = {UdpPort::unchecked(4789)},
                    .vteps = {parsed<IpAddress>("192.0.2.2"), parsed<IpAddress>("2001:db8::1")},
                    .own = {parsed<IpAddress>("192.0.2.1")},
                    .full_ttl = std::vector{parsed<IpAddress>("192.0.2.2")}};
  if (gateway) {
    filter.gateway = GatewayFilter{.bridge = parsed<IfName>("ovl-gw"),
                                   .pool = IpPrefix::parse_exact("172.18.0.0/16").value(),
                                   .uplinks = {parsed<IfName>("eth1")}};
  }
  return filter;
}

// A tunnel's packet from 192.0.2.2 to 192.0.2.1, or, leaving, the other way.
Packet outer(bool leaving) {
  const IpAddress own = parsed<IpAddress>("192.0.2.1");
  const IpAddress other = parsed<IpAddress>("192.0.2.2");
  Bytes group(sizeof kLinkGroup);
  std::memcpy(group.data(), &kLinkGroup, sizeof kLinkGroup);
  return {
      .in = named(leaving ? "vxlan0" : "eth1"),
      .in_kind = named(leaving ? "vxlan" : "veth"),
      .in_group = leaving ? group : Bytes(4),
      .protocol = IPPROTO_UDP,
      .network = leaving ? ip_header(own, other) : ip_header(other, own),
      .transport = joined({{4, 4}, bytes_of(std::uint16_t{4789}), Bytes(4), {8, 0, 0, 0, 0x10, 0, 0, 0}})};
}

std::size_t hooks(const NftTable& table) {
  return static_cast<std::size_t>(
      std::ranges::count_if(table.chains, [](const NftChain& chain) { return !chain.type.empty(); }));
}

Work operator+(const Work& a, const Work& b) {
  return {.expressions = a.expressions + b.expressions,
          .lookups = a.lookups + b.lookups,
          .dropped = a.dropped || b.dropped};
}

Work of(const NftTable& table, std::string_view chain, const Packet& packet) {
  return Machine(table, packet).run(chain);
}

using Change = std::function<void(Packet&)>;

Change with_type(std::uint16_t type) {
  return [type](Packet& packet) { std::ranges::copy(bytes_of(type), packet.frame.begin() + 12); };
}

Change with_mac(const MacAddress& mac) {
  return [mac](Packet& packet) { std::ranges::copy(bytes_of(mac), packet.frame.begin() + 6); };
}

Change to_group(std::uint8_t last) {
  return [last](Packet& packet) {
    std::ranges::copy(Bytes{0x01, 0x80, 0xc2, 0, 0, last}, packet.frame.begin());
    packet.kind = PACKET_MULTICAST;
  };
}

Change with_source(const std::string& source) {
  return [source](Packet& packet) {
    const IpAddress address = parsed<IpAddress>(source);
    packet.network = ip_header(address, address);
  };
}

Change with_protocol(std::uint8_t protocol) {
  return [protocol](Packet& packet) { packet.protocol = protocol; };
}

Change with_transport(const Bytes& transport) {
  return [transport](Packet& packet) { packet.transport = transport; };
}

Change from_port(const std::string& port) {
  return [port](Packet& packet) { packet.in = named(port); };
}

std::vector<Change> changes() {
  std::vector<Change> out{[](Packet&) {},        with_mac(kOtherMac),         to_group(0),
                          to_group(0x0e),        from_port("veth2"),          from_port("eth9"),
                          with_transport({}),    with_transport(to_port(68)), with_transport(to_port(546)),
                          with_transport({1, 2})};
  for (const std::uint16_t type :
       std::initializer_list<std::uint16_t>{ETH_P_IP, ETH_P_IPV6, ETH_P_ARP, ETH_P_8021Q, ETH_P_MACSEC}) {
    out.push_back(with_type(type));
  }
  for (const char* source : {"10.0.9.2", "10.0.9.3", "0.0.0.0", "fd00::2", "fd00::3", "::", "fe80::1"}) {
    out.push_back(with_source(source));
  }
  for (const std::uint8_t protocol :
       std::initializer_list<std::uint8_t>{IPPROTO_TCP, IPPROTO_ICMP, IPPROTO_ICMPV6}) {
    out.push_back(with_protocol(protocol));
  }
  for (const std::uint8_t icmp : std::initializer_list<std::uint8_t>{134, 135, 136}) {
    out.push_back(with_transport(joined({{icmp}, Bytes(43)})));
    out.push_back([icmp](Packet& packet) {
      packet.protocol = IPPROTO_ICMPV6;
      packet.transport = joined({{icmp}, Bytes(43)});
    });
  }
  return out;
}

std::vector<Packet> wrong_frames() {
  std::vector<Packet> out;
  for (const Packet& right : {frame(kMac, ETH_P_IP, parsed<IpAddress>("10.0.9.2"), IPPROTO_UDP, 9000),
                              frame(kMac, ETH_P_IPV6, parsed<IpAddress>("fd00::2"), IPPROTO_UDP, 9000)}) {
    for (const Change& first : changes()) {
      for (const Change& second : changes()) {
        Packet packet = right;
        first(packet);
        second(packet);
        out.push_back(std::move(packet));
      }
    }
  }
  return out;
}

}  // namespace

// Each hook costs every packet a hundredth of its way, each lookup a third of that, whatever is in it.
TEST(FilterCost, FewHooks) {
  EXPECT_EQ(hooks(sandbox()), 2U);
  EXPECT_EQ(hooks(host_filter(host(false))), 4U);
  EXPECT_EQ(hooks(host_filter(host(true))), 6U);
}

TEST(FilterCost, AnEndpointsPacketEndsAfterOneLookup) {
  for (const auto& [type, address] : {std::pair{ETH_P_IP, "10.0.9.2"}, std::pair{ETH_P_IPV6, "fd00::2"}}) {
    const Work work =
        of(sandbox(), "prerouting",
           frame(kMac, static_cast<std::uint16_t>(type), parsed<IpAddress>(address), IPPROTO_UDP, 9000));
    EXPECT_FALSE(work.dropped);
    EXPECT_EQ(work.lookups, 1U) << address;
    EXPECT_LE(work.expressions, 17U) << address;
  }
}

TEST(FilterCost, APacketFromOtherHostsNeedsNone) {
  const Work work = of(sandbox(), "prerouting", from_tunnel());
  EXPECT_FALSE(work.dropped);
  EXPECT_EQ(work.lookups, 0U);
  EXPECT_LE(work.expressions, 3U);
}

TEST(FilterCost, ATunnelsPacketNeedsOneLookupOnBothHosts) {
  for (const bool gateway : {false, true}) {
    const NftTable table = host_filter(host(gateway));
    const Work sent = of(table, "untracked", outer(true)) + of(table, "leaving", outer(true));
    EXPECT_FALSE(sent.dropped);
    EXPECT_EQ(sent.lookups, 0U);
    EXPECT_LE(sent.expressions, 13U);
    const Work got = of(table, "prerouting", outer(false)) + of(table, "input", outer(false));
    EXPECT_FALSE(got.dropped);
    EXPECT_EQ(got.lookups, 1U);
    EXPECT_LE(got.expressions, 28U);
  }
}

TEST(FilterCost, WhatALostHostSendsIntoOurNetworksIsDropped) {
  HostFilter filter = host(false);
  EXPECT_FALSE(of(host_filter(filter), "input", outer(false)).dropped);
  filter.lost = filter.vteps;
  EXPECT_TRUE(of(host_filter(filter), "input", outer(false)).dropped);
  constexpr std::size_t kVniInUdp = 12;
  Packet others = outer(false);
  others.transport[kVniInUdp] = 0x20;
  EXPECT_FALSE(of(host_filter(filter), "input", others).dropped) << "another VNI is not ours to judge";
}

TEST(FilterCost, MoreHostsNetworksAndPortsCostNoMore) {
  HostFilter many = host(true);
  for (std::uint32_t i = 0; i < 500; ++i) {
    many.vteps.push_back(parsed<IpAddress>("198.18.0.0").plus(i).value());
    many.vnis.push_back(Vni::unchecked(0x200000 + i));
  }
  const NftTable few = host_filter(host(true));
  const NftTable table = host_filter(many);
  for (const char* chain : {"prerouting", "input"}) {
    EXPECT_EQ(of(table, chain, outer(false)).expressions, of(few, chain, outer(false)).expressions) << chain;
  }
}

// Frames that are right but for two things.
TEST(FilterCost, ShortCutsLetNothingElsePass) {
  std::size_t dropped = 0;
  for (const bool any_frames : {false, true}) {
    for (const bool free : {false, true}) {
      const NftTable table = sandbox({.any_frames = any_frames}, free);
      const NftTable whole = without_short_cuts(table);
      for (const Packet& packet : wrong_frames()) {
        const Work work = of(table, "prerouting", packet);
        dropped += work.dropped ? 1 : 0;
        ASSERT_EQ(work.dropped, of(whole, "prerouting", packet).dropped)
            << ::testing::PrintToString(packet.frame);
      }
    }
  }
  EXPECT_GT(dropped, 1000U);
}

}  // namespace ovl
