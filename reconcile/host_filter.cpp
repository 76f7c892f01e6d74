// The filter of a host's own namespace: what may enter the overlay, and the endpoints' way out.
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "reconcile/filters.hpp"
#include "reconcile/rules.hpp"

namespace ovl {

namespace {

using rules::accept;
using rules::bytes_of;
using rules::concatenated;
using rules::drop;
using rules::Exprs;
using rules::field_in;
using rules::finished;
using rules::ip_protocol;
using rules::joined;
using rules::kDestinationPort;
using rules::kDeviceKey;
using rules::kIpv4Key;
using rules::kIpv6Key;
using rules::kPortNumberKey;
using rules::kProtocolKey;
using rules::kSource4;
using rules::kSource6;
using rules::make_set;
using rules::masked_field;
using rules::Membership;
using rules::meta_in;
using rules::meta_is;
using rules::PacketField;
using rules::plain_key;
using rules::rule;

constexpr PacketField kDestination4{NFT_PAYLOAD_NETWORK_HEADER, 16, 4};
constexpr PacketField kVni{NFT_PAYLOAD_TRANSPORT_HEADER, 12, 3};  // "@th,96,24": behind UDP, in VXLAN

// NF_IP_PRI_RAW: before conntrack, but behind its defragmentation; NF_IP_PRI_FILTER; NF_IP_PRI_NAT_SRC.
constexpr std::int32_t kBeforeConntrack = -300;
constexpr std::int32_t kFilterPriority = 0;
constexpr std::int32_t kSourceNat = 100;

Exprs family(std::uint8_t protocol, std::uint32_t op = NFT_CMP_EQ) {
  return meta_is(NFT_META_NFPROTO, {protocol}, op);
}

Exprs comes_in(const IfName& dev) {
  return meta_is(NFT_META_IIFNAME, bytes_of(dev), NFT_CMP_EQ);
}

Exprs goes_out(const IfName& dev, std::uint32_t op = NFT_CMP_EQ) {
  return meta_is(NFT_META_OIFNAME, bytes_of(dev), op);
}

std::vector<Bytes> address_bytes(const std::vector<IpAddress>& addresses, Family wanted) {
  std::vector<Bytes> out;
  for (const IpAddress& address : addresses) {
    if (address.family() == wanted) out.push_back(bytes_of(address));
  }
  return out;
}

std::vector<NftSet> vxlan_sets(const HostFilter& filter) {
  std::vector<Bytes> vnis;
  std::vector<Bytes> ports;
  for (const Vni& vni : filter.vnis) {
    const std::uint32_t number = vni.number();
    vnis.push_back({static_cast<std::uint8_t>(number >> 16), static_cast<std::uint8_t>((number >> 8) & 0xff),
                    static_cast<std::uint8_t>(number & 0xff)});
  }
  for (const UdpPort& port : filter.vxlan_ports) {
    ports.push_back(bytes_of(static_cast<std::uint16_t>(port.number())));
  }
  return {make_set("vnis", {plain_key(3)}, std::move(vnis)),
          make_set("vteps4", {kIpv4Key}, address_bytes(filter.vteps, Family::ipv4)),
          make_set("vteps6", {kIpv6Key}, address_bytes(filter.vteps, Family::ipv6)),
          make_set("vxlan_ports", {kPortNumberKey}, std::move(ports))};
}

// IPv4 arrives here reassembled (ip_local_deliver()). IPv6 does not, unless conntrack is on, so a first
// fragment may end before the VNI: therefore what is not known to be another's is dropped, and not what
// is known to be ours.
NftChain vxlan_input() {
  const Exprs vxlan = joined({ip_protocol(IPPROTO_UDP), field_in(kDestinationPort, "vxlan_ports")});
  NftChain chain{.name = "input", .type = "filter", .hook = NF_INET_LOCAL_IN, .priority = kFilterPriority};
  chain.rules = {
      rule("from a VTEP of the cluster",
           {vxlan, family(NFPROTO_IPV4), field_in(kSource4, "vteps4"), accept()}),
      rule("from a VTEP of the cluster",
           {vxlan, family(NFPROTO_IPV6), field_in(kSource6, "vteps6"), accept()}),
      rule("another VNI is not ours to judge", {vxlan, field_in(kVni, "vnis", Membership::not_in), accept()}),
      rule("our VNI from somebody else", {vxlan, drop()})};
  return chain;
}

std::vector<NftSet> gateway_sets(const GatewayFilter& gateway) {
  std::vector<Bytes> uplinks;
  std::vector<Bytes> keystores;
  for (const IfName& uplink : gateway.uplinks) uplinks.push_back(bytes_of(uplink));
  for (const KeystoreAddress& keystore : gateway.keystores) {
    if (!keystore.address.is_ipv4()) continue;  // no IPv6 leaves the bridge
    for (const std::uint8_t protocol : std::initializer_list<std::uint8_t>{IPPROTO_TCP, IPPROTO_UDP}) {
      keystores.push_back(concatenated({{protocol},
                                        bytes_of(keystore.address),
                                        bytes_of(static_cast<std::uint16_t>(keystore.port.number()))}));
    }
  }
  return {make_set("keystores", {kProtocolKey, kIpv4Key, kPortNumberKey}, std::move(keystores)),
          make_set("uplinks", {kDeviceKey}, std::move(uplinks))};
}

Exprs from_pool(const IpPrefix& pool, std::uint32_t op) {
  const IpPrefix ones =
      IpPrefix::masked(IpAddress::from_bytes(Family::ipv4, "\xff\xff\xff\xff"), pool.length());
  return masked_field(kSource4, bytes_of(ones.address()), op, bytes_of(pool.address()));
}

Exprs to_keystore() {
  return {NftMeta{.key = NFT_META_L4PROTO, .slot = 0},
          NftPayload{kDestination4.base, kDestination4.offset, kDestination4.length, 1},
          NftPayload{kDestinationPort.base, kDestinationPort.offset, kDestinationPort.length, 2},
          NftLookup{.slot = 0, .set = "keystores"}};
}

// Fragments: the nat chain turns conntrack on, whose defragmentation (priority -400) stands before this
// chain, so a port is always there to be read. Without a gateway there is no such chain, and none needed.
NftChain gateway_prerouting(const GatewayFilter& gateway) {
  const Exprs inside = comes_in(gateway.bridge);
  NftChain chain{
      .name = "prerouting", .type = "filter", .hook = NF_INET_PRE_ROUTING, .priority = kBeforeConntrack};
  chain.rules = {rule("no IPv6 way out", {inside, family(NFPROTO_IPV4, NFT_CMP_NEQ), drop()}),
                 rule("source outside the pool",
                      {inside, family(NFPROTO_IPV4), from_pool(gateway.pool, NFT_CMP_NEQ), drop()}),
                 // Masqueraded, it would come from this host's VTEP.
                 rule("VXLAN from an endpoint",
                      {inside, ip_protocol(IPPROTO_UDP), field_in(kDestinationPort, "vxlan_ports"), drop()}),
                 rule("keystore from an endpoint", {inside, family(NFPROTO_IPV4), to_keystore(), drop()})};
  return chain;
}

// Accepts no more than its own: policy accept leaves the packets of others to their own chains.
NftChain gateway_forward(const GatewayFilter& gateway) {
  const Exprs inside = comes_in(gateway.bridge);
  const Exprs to_inside = goes_out(gateway.bridge);
  constexpr std::uint32_t known_states = NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED);
  Bytes known(sizeof known_states);
  std::memcpy(known.data(), &known_states, sizeof known_states);  // the register holds it in host order
  NftChain chain{.name = "forward", .type = "filter", .hook = NF_INET_FORWARD, .priority = kFilterPriority};
  chain.rules = {rule("endpoint to uplink", {inside, meta_in(NFT_META_OIFNAME, "uplinks"), accept()}),
                 rule("endpoint to anything else, other endpoints too", {inside, drop()}),
                 rule("answers to an endpoint", {to_inside,
                                                 {NftCt{.key = NFT_CT_STATE, .slot = 0},
                                                  NftBitwise{.slot = 0, .mask = known, .xored = Bytes(4)},
                                                  NftCmp{.slot = 0, .op = NFT_CMP_NEQ, .data = Bytes(4)}},
                                                 accept()}),
                 rule("others to an endpoint", {to_inside, drop()})};
  return chain;
}

NftChain gateway_postrouting(const GatewayFilter& gateway) {
  NftChain chain{.name = "postrouting", .type = "nat", .hook = NF_INET_POST_ROUTING, .priority = kSourceNat};
  chain.rules = {rule("endpoints leave with this host's address", {family(NFPROTO_IPV4),
                                                                   from_pool(gateway.pool, NFT_CMP_EQ),
                                                                   goes_out(gateway.bridge, NFT_CMP_NEQ),
                                                                   {NftMasquerade{}}})};
  return chain;
}

}  // namespace

NftTable host_filter(const HostFilter& filter) {
  NftTable table{.family = NftFamily::inet,
                 .name = std::string(kTableName),
                 .sets = vxlan_sets(filter),
                 .chains = {vxlan_input()},
                 .comment = filter.owner};
  if (filter.gateway) {
    std::ranges::move(gateway_sets(*filter.gateway), std::back_inserter(table.sets));
    table.chains.push_back(gateway_prerouting(*filter.gateway));
    table.chains.push_back(gateway_forward(*filter.gateway));
    table.chains.push_back(gateway_postrouting(*filter.gateway));
  }
  return finished(std::move(table));
}

}  // namespace ovl
