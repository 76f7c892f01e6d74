// The filter of a bridge with endpoints: who may send what.
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <array>

#include "reconcile/objects/filters.hpp"
#include "reconcile/objects/rules.hpp"

namespace ovl {

namespace {

using rules::accept;
using rules::bytes_of;
using rules::concatenated;
using rules::drop;
using rules::Exprs;
using rules::field_between;
using rules::field_in;
using rules::field_is;
using rules::finished;
using rules::from_vxlan;
using rules::ip_protocol;
using rules::joined;
using rules::kDestinationPort;
using rules::kDeviceKey;
using rules::kEtherTypeKey;
using rules::kIpv4Key;
using rules::kIpv6Key;
using rules::kMacKey;
using rules::kSource4;
using rules::kSource6;
using rules::make_set;
using rules::masked_field;
using rules::Membership;
using rules::meta_in;
using rules::meta_is;
using rules::PacketField;
using rules::plain_key;
using rules::port_and_field;
using rules::port_and_fields;
using rules::rule;

// Fields of packets (RFC 826, 4861, 8200).

constexpr PacketField kEtherDestination{NFT_PAYLOAD_LL_HEADER, 0, 6};
constexpr PacketField kEtherSource{NFT_PAYLOAD_LL_HEADER, 6, 6};
constexpr PacketField kEtherType{NFT_PAYLOAD_LL_HEADER, 12, 2};
constexpr PacketField kArpFormat{NFT_PAYLOAD_NETWORK_HEADER, 0, 6};  // up to the operation
constexpr PacketField kArpSenderMac{NFT_PAYLOAD_NETWORK_HEADER, 8, 6};
constexpr PacketField kArpSenderAddress{NFT_PAYLOAD_NETWORK_HEADER, 14, 4};
constexpr PacketField kArpTargetAddress{NFT_PAYLOAD_NETWORK_HEADER, 24, 4};
constexpr PacketField kLengthAndNext6{NFT_PAYLOAD_NETWORK_HEADER, 4, 3};  // payload length, next header
constexpr PacketField kIcmpType{NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1};
constexpr PacketField kNdTarget{NFT_PAYLOAD_TRANSPORT_HEADER, 8, 16};
constexpr PacketField kNdOption{NFT_PAYLOAD_TRANSPORT_HEADER, 24, 2};  // type, length in units of 8
constexpr PacketField kNdOptionMac{NFT_PAYLOAD_TRANSPORT_HEADER, 26, 6};

// Neighbour discovery messages, which have 24 bytes, or 32 with one option.
constexpr std::uint8_t kRouterSolicitation = 133;
constexpr std::uint8_t kNeighbourSolicitation = 135;
constexpr std::uint8_t kNeighbourAdvertisement = 136;
constexpr std::uint8_t kRedirect = 137;
constexpr std::uint8_t kSourceOption = 1;
constexpr std::uint8_t kTargetOption = 2;
constexpr std::uint8_t kNonceOption = 14;      // RFC 7527
constexpr std::uint8_t kListenerReport = 143;  // RFC 3810

// NF_BR_PRI_NAT_DST_BRIDGED: before br_netfilter.
constexpr std::int32_t kBridgePriority = -300;

constexpr std::uint16_t kDhcpClient = 68;
constexpr std::uint16_t kDhcp6Client = 546;

Exprs ether_type(std::uint16_t type) {
  return field_is(kEtherType, bytes_of(type));
}

Exprs to_port(std::uint16_t port) {
  return field_is(kDestinationPort, bytes_of(port));
}

// Of whatever protocol.
Exprs not_to_port(std::uint16_t port) {
  return {NftPayload{kDestinationPort.base, kDestinationPort.offset, kDestinationPort.length, 0},
          NftCmp{.slot = 0, .op = NFT_CMP_NEQ, .data = bytes_of(port)}};
}

Exprs is_ipv6() {
  return ether_type(ETH_P_IPV6);
}

// Neighbour discovery with this length and no extension header: all options of the message are then at
// known places, for nft can't walk through them.
Exprs discovery(std::uint8_t type, std::uint8_t length) {
  return joined(
      {is_ipv6(), field_is(kLengthAndNext6, {0, length, IPPROTO_ICMPV6}), field_is(kIcmpType, {type})});
}

Exprs option(std::uint8_t type) {
  return field_is(kNdOption, {type, 1});
}

Exprs own_option_mac() {
  return port_and_field(kNdOptionMac, "nd_macs");
}

Exprs own_target() {
  return port_and_field(kNdTarget, "nd_targets");
}

// The address that the kernel gives to a device with this MAC (addrconf_ifid_eui48()).
IpAddress link_local(const MacAddress& mac) {
  std::array<std::uint8_t, 16> bytes{0xfe, 0x80};
  std::copy_n(mac.bytes().begin(), 3, bytes.begin() + 8);
  std::copy_n(mac.bytes().begin() + 3, 3, bytes.begin() + 13);
  bytes[8] ^= 2;
  bytes[11] = 0xff;
  bytes[12] = 0xfe;
  return IpAddress::from_bytes(Family::ipv6, bytes.data());
}

// The link-local addresses that MACs of the segment stand for, and the ports that may use others.
void add_free_sets(std::span<const FilteredPort> ports, const FilteredSegment& segment,
                   std::vector<NftSet>& out) {
  std::vector<Bytes> names;
  std::vector<Bytes> taken;
  for (const FilteredPort& port : ports) {
    if (port.any_link_local) names.push_back(bytes_of(port.port));
    taken.push_back(bytes_of(link_local(port.mac)));
  }
  for (const MacAddress& mac : segment.others) taken.push_back(bytes_of(link_local(mac)));
  out.push_back(make_set("free", {kDeviceKey}, std::move(names)));
  out.push_back(make_set("taken", {kIpv6Key}, taken));
  out.push_back(make_set("taken_targets", {plain_key(kIpv6Key.length)}, std::move(taken)));
}

std::vector<NftSet> port_sets(std::span<const FilteredPort> ports, const FilteredSegment& segment) {
  std::vector<Bytes> names;
  std::vector<Bytes> macs;
  std::vector<Bytes> addresses4;
  std::vector<Bytes> addresses6;
  std::vector<Bytes> senders4;
  std::vector<Bytes> senders6;
  for (const FilteredPort& port : ports) {
    const Bytes name = bytes_of(port.port);
    const Bytes mac = bytes_of(port.mac);
    names.push_back(name);
    macs.push_back(concatenated({name, mac}));
    std::vector<IpAddress> own = port.addresses;
    own.push_back(link_local(port.mac));
    for (const IpAddress& address : own) {
      const Bytes bytes = bytes_of(address);
      (address.is_ipv4() ? addresses4 : addresses6).push_back(concatenated({name, bytes}));
      (address.is_ipv4() ? senders4 : senders6).push_back(concatenated({name, mac, bytes}));
    }
  }
  std::vector<Bytes> types =
      segment.any_frames ? std::vector{bytes_of(ETH_P_8021Q), bytes_of(ETH_P_8021AD), bytes_of(ETH_P_RARP)}
                         : std::vector{bytes_of(ETH_P_IP), bytes_of(ETH_P_IPV6), bytes_of(ETH_P_ARP)};
  return {make_set("addresses4", {kDeviceKey, kIpv4Key}, std::move(addresses4)),
          make_set("addresses6", {kDeviceKey, kIpv6Key}, addresses6),
          make_set(segment.any_frames ? "hidden" : "types", {kEtherTypeKey}, std::move(types)),
          make_set("macs", {kDeviceKey, kMacKey}, macs),
          make_set("nd_macs", {kDeviceKey, plain_key(kMacKey.length)}, std::move(macs)),
          make_set("nd_targets", {kDeviceKey, plain_key(kIpv6Key.length)}, std::move(addresses6)),
          make_set("ports", {kDeviceKey}, std::move(names)),
          make_set("senders4", {kDeviceKey, kMacKey, kIpv4Key}, std::move(senders4)),
          make_set("senders6", {kDeviceKey, kMacKey, kIpv6Key}, std::move(senders6))};
}

Exprs to_reserved_group() {
  return masked_field(kEtherDestination, {0xff, 0xff, 0xff, 0xff, 0xff, 0xf0}, NFT_CMP_EQ,
                      {0x01, 0x80, 0xc2, 0x00, 0x00, 0x00});
}

// Nearly all packets end here, after one lookup instead of one for each question. What these rules accept,
// the others would accept too; what they do not know is judged by those. The type of an Ethernet frame with a
// VLAN tag is the tag's.
void add_common_rules(std::vector<NftRule>& out) {
  const Exprs to_a_station = meta_is(NFT_META_PKTTYPE, {PACKET_MULTICAST}, NFT_CMP_NEQ);
  out.push_back(rule("from other hosts", {from_vxlan(), accept()}));
  out.push_back(
      rule("IPv4 of its own", {ether_type(ETH_P_IP), port_and_fields({kEtherSource, kSource4}, "senders4"),
                               not_to_port(kDhcpClient), to_a_station, accept()}));
  out.push_back(rule("IPv6 of its own", {is_ipv6(), port_and_fields({kEtherSource, kSource6}, "senders6"),
                                         meta_is(NFT_META_L4PROTO, {IPPROTO_ICMPV6}, NFT_CMP_NEQ),
                                         not_to_port(kDhcp6Client), to_a_station, accept()}));
}

// A VLAN tag hides a packet from the rules below, and so does a type that carries packets of its own, as
// PPPoE and MPLS do; RARP claims an address. What is sent to a reserved group is for the bridge next to it,
// but a bridge without STP forwards STP's (br_handle_frame()).
void add_frame_rules(const FilteredSegment& segment, std::vector<NftRule>& out) {
  out.push_back(
      rule("not from an endpoint", {meta_in(NFT_META_IIFNAME, "ports", Membership::not_in), accept()}));
  out.push_back(
      rule("another's MAC", {port_and_field(kEtherSource, "macs", Membership::not_in), drop("mac")}));
  if (segment.any_frames) {
    out.push_back(rule("VLAN tags and RARP", {field_in(kEtherType, "hidden"), drop("frame")}));
    return;
  }
  out.push_back(
      rule("neither IP nor ARP", {field_in(kEtherType, "types", Membership::not_in), drop("frame")}));
  out.push_back(rule("reserved group addresses", {to_reserved_group(), drop("frame")}));
}

void add_arp_rules(std::vector<NftRule>& out) {
  const Exprs format = field_is(kArpFormat, {0, 1, 8, 0, 6, 4});  // Ethernet and IPv4
  const Exprs own_mac = port_and_field(kArpSenderMac, "macs");
  out.push_back(rule("ARP of its own address", {ether_type(ETH_P_ARP), format, own_mac,
                                                port_and_field(kArpSenderAddress, "addresses4"), accept()}));
  // Who asks for another's address so makes its holder believe that it is taken (RFC 5227, 2.4).
  out.push_back(
      rule("ARP probe", {ether_type(ETH_P_ARP), format, own_mac, field_is(kArpSenderAddress, {0, 0, 0, 0}),
                         port_and_field(kArpTargetAddress, "addresses4"), accept()}));
  out.push_back(rule("other ARP", {ether_type(ETH_P_ARP), drop("address")}));
}

void add_ipv4_rules(std::vector<NftRule>& out) {
  const Exprs is_ipv4 = ether_type(ETH_P_IP);
  out.push_back(rule("another's IPv4 address",
                     {is_ipv4, port_and_field(kSource4, "addresses4", Membership::not_in), drop("address")}));
  out.push_back(
      rule("DHCP answers", {is_ipv4, ip_protocol(IPPROTO_UDP), to_port(kDhcpClient), drop("frame")}));
}

// 16 bytes that begin with these two.
Bytes beginning(std::uint8_t first, std::uint8_t second) {
  Bytes out(16);
  out[0] = first;
  out[1] = second;
  return out;
}

const Bytes kLinkLocalMask = beginning(0xff, 0xc0);
const Bytes kLinkLocal = beginning(0xfe, 0x80);

// A link-local address that a guest made itself: no MAC of the segment stands for it.
Exprs free_target() {
  return joined({meta_in(NFT_META_IIFNAME, "free"),
                 masked_field(kNdTarget, kLinkLocalMask, NFT_CMP_EQ, kLinkLocal),
                 field_in(kNdTarget, "taken_targets", Membership::not_in)});
}

void add_probe_rules(const Exprs& target, std::vector<NftRule>& out) {
  const Exprs no_source = field_is(kSource6, Bytes(16));
  out.push_back(
      rule("duplicate address probe", {discovery(kNeighbourSolicitation, 24), no_source, target, accept()}));
  out.push_back(rule("duplicate address probe with nonce", {discovery(kNeighbourSolicitation, 32), no_source,
                                                            option(kNonceOption), target, accept()}));
}

// A probe for a duplicate has no source address, so what it asks for must be its own. Neighbours believe the
// source of a solicitation as they do an advertisement's target (ndisc_recv_ns()): another's link-local
// address is as much another's as its other ones are.
void add_ipv6_source_rules(bool free, std::vector<NftRule>& out) {
  add_probe_rules(own_target(), out);
  for (const std::uint8_t type : {kRouterSolicitation, kListenerReport}) {
    out.push_back(
        rule("before an address", {is_ipv6(), field_is(kSource6, Bytes(16)), ip_protocol(IPPROTO_ICMPV6),
                                   field_is(kIcmpType, {type}), drop("discovery")}));
  }
  const Exprs not_own = joined({is_ipv6(), port_and_field(kSource6, "addresses6", Membership::not_in)});
  if (!free) {
    out.push_back(rule("another's IPv6 address", {not_own, drop("address")}));
    return;
  }
  add_probe_rules(free_target(), out);
  const Exprs not_link_local = masked_field(kSource6, kLinkLocalMask, NFT_CMP_NEQ, kLinkLocal);
  out.push_back(rule("another's IPv6 address", {not_own, not_link_local, drop("address")}));
  out.push_back(rule("not its MAC's link-local address",
                     {not_own, meta_in(NFT_META_IIFNAME, "free", Membership::not_in), drop("address")}));
  out.push_back(
      rule("another's link-local address", {not_own, field_in(kSource6, "taken"), drop("address")}));
}

void add_advertisement_rules(const Exprs& target, std::vector<NftRule>& out) {
  out.push_back(rule("neighbour advertisement", {discovery(kNeighbourAdvertisement, 24), target, accept()}));
  out.push_back(rule(
      "neighbour advertisement with its own MAC",
      {discovery(kNeighbourAdvertisement, 32), option(kTargetOption), own_option_mac(), target, accept()}));
}

// All forms that Linux sends; a longer message, with an extension header or with other options, could
// hide a second link-layer address. Nobody in a network is a router, so router messages and redirects
// go too. Fragmented ones are refused by the receiver (RFC 6980, ndisc_recv()).
void add_discovery_rules(bool free, std::vector<NftRule>& out) {
  out.push_back(rule("neighbour solicitation", {discovery(kNeighbourSolicitation, 24), accept()}));
  out.push_back(
      rule("neighbour solicitation with its own MAC",
           {discovery(kNeighbourSolicitation, 32), option(kSourceOption), own_option_mac(), accept()}));
  add_advertisement_rules(own_target(), out);
  if (free) add_advertisement_rules(free_target(), out);
  out.push_back(
      rule("a question for routers", {is_ipv6(), ip_protocol(IPPROTO_ICMPV6),
                                      field_is(kIcmpType, {kRouterSolicitation}), drop("discovery")}));
  out.push_back(rule("other discovery, routers and redirects",
                     {is_ipv6(), ip_protocol(IPPROTO_ICMPV6),
                      field_between(kIcmpType, {kRouterSolicitation}, {kRedirect}), drop("address")}));
  out.push_back(
      rule("DHCPv6 answers", {is_ipv6(), ip_protocol(IPPROTO_UDP), to_port(kDhcp6Client), drop("frame")}));
}

// Sees every frame that the bridge forwards or takes itself, before either.
NftChain port_prerouting(const FilteredSegment& segment, bool free) {
  NftChain chain{.name = "prerouting",
                 .type = "filter",
                 .hook = NF_INET_PRE_ROUTING,  // equals NF_BR_PRE_ROUTING
                 .priority = kBridgePriority};
  add_common_rules(chain.rules);
  add_frame_rules(segment, chain.rules);
  add_arp_rules(chain.rules);
  add_ipv4_rules(chain.rules);
  add_ipv6_source_rules(free, chain.rules);
  add_discovery_rules(free, chain.rules);
  return chain;
}

// Kernel: br_handle_frame() takes frames for 01:80:c2:00:00:0x past the prerouting hook: they reach the
// port's own protocol handlers through this hook alone, with whatever addresses they have.
NftChain port_input() {
  NftChain chain{.name = "input", .type = "filter", .hook = NF_INET_LOCAL_IN, .priority = kBridgePriority};
  chain.rules.push_back(rule("reserved group addresses",
                             {meta_in(NFT_META_IIFNAME, "ports"), to_reserved_group(), drop("frame")}));
  return chain;
}

}  // namespace

NftTable port_filter(std::string_view owner, std::span<const FilteredPort> ports,
                     const FilteredSegment& segment) {
  const bool free = std::ranges::any_of(ports, &FilteredPort::any_link_local);
  std::vector<NftSet> sets = port_sets(ports, segment);
  if (free) add_free_sets(ports, segment, sets);
  return finished({.family = NftFamily::bridge,
                   .name = std::string(kTableName),
                   .sets = std::move(sets),
                   .chains = {port_prerouting(segment, free), port_input()},
                   .comment = std::string(owner)});
}

}  // namespace ovl
