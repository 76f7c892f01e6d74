// The filter of a host's own namespace: what may enter the overlay, and the endpoints' way out.
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <set>

#include "reconcile/objects/filters.hpp"
#include "reconcile/objects/full_ttl.hpp"
#include "reconcile/objects/rules.hpp"

namespace ovl {

namespace {

using rules::accept;
using rules::bytes_of;
using rules::concatenated;
using rules::drop;
using rules::Exprs;
using rules::field_in;
using rules::field_is;
using rules::finished;
using rules::from_vxlan;
using rules::go_to;
using rules::ip_protocol;
using rules::joined;
using rules::kDestination4;
using rules::kDestination6;
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

// Behind UDP: VXLAN's flags and reserved bits "@th,64,32", and the VNI "@th,96,24" (RFC 7348).
constexpr PacketField kVxlanFlags{NFT_PAYLOAD_TRANSPORT_HEADER, 8, 4};
constexpr PacketField kVni{NFT_PAYLOAD_TRANSPORT_HEADER, 12, 3};

// RFC 791 and 8200: time to live, and hop limit.
constexpr PacketField kTtl4{NFT_PAYLOAD_NETWORK_HEADER, 8, 1};
constexpr PacketField kTtl6{NFT_PAYLOAD_NETWORK_HEADER, 7, 1};

// NF_IP_PRI_RAW: before conntrack, but behind its defragmentation; NF_IP_PRI_FILTER; NF_IP_PRI_NAT_SRC.
constexpr std::int32_t kBeforeConntrack = -300;
constexpr std::int32_t kFilterPriority = 0;
constexpr std::int32_t kSourceNat = 100;
constexpr std::int32_t kBehindSourceNat = 110;

// The chains that others go to.
constexpr std::string_view kFromTunnel = "from_tunnel";
constexpr std::string_view kFromEndpoints = "from_endpoints";
constexpr std::string_view kFromUsers = "from_users";
constexpr std::string_view kOtherDatagrams = "other_datagrams";
constexpr std::string_view kForwarded = "forwarded";

constexpr std::uint16_t kDnsPort = 53;

Bytes host_order(std::uint32_t number) {
  Bytes out(sizeof number);
  std::memcpy(out.data(), &number, sizeof number);
  return out;
}

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

NftSet vni_set(std::string name, const std::vector<Vni>& vnis) {
  std::vector<Bytes> elements;
  for (const Vni& vni : vnis) {
    const std::uint32_t number = vni.number();
    elements.push_back({static_cast<std::uint8_t>(number >> 16),
                        static_cast<std::uint8_t>((number >> 8) & 0xff),
                        static_cast<std::uint8_t>(number & 0xff)});
  }
  return make_set(std::move(name), {plain_key(3)}, std::move(elements));
}

std::vector<NftSet> vxlan_sets(const HostFilter& filter) {
  std::vector<Bytes> ports;
  for (const UdpPort& port : filter.vxlan_ports) {
    ports.push_back(bytes_of(static_cast<std::uint16_t>(port.number())));
  }
  return {vni_set("vnis", filter.vnis),
          vni_set("cluster_vnis", filter.cluster_vnis),
          make_set("own4", {kIpv4Key}, address_bytes(filter.own, Family::ipv4)),
          make_set("own6", {kIpv6Key}, address_bytes(filter.own, Family::ipv6)),
          make_set("vteps4", {kIpv4Key}, address_bytes(filter.vteps, Family::ipv4)),
          make_set("vteps6", {kIpv6Key}, address_bytes(filter.vteps, Family::ipv6)),
          make_set("vxlan_ports", {kPortNumberKey}, std::move(ports))};
}

Exprs to_vxlan_port() {
  return joined({ip_protocol(IPPROTO_UDP), field_in(kDestinationPort, "vxlan_ports")});
}

// The same where every packet of a tunnel passes: a lookup costs as much as several comparisons, and as a
// rule there is one port.
Exprs to_tunnel(const HostFilter& filter) {
  const std::set<UdpPort> ports(filter.vxlan_ports.begin(), filter.vxlan_ports.end());
  if (ports.size() != 1) return to_vxlan_port();
  const auto port = static_cast<std::uint16_t>(ports.begin()->number());
  return joined({ip_protocol(IPPROTO_UDP), field_is(kDestinationPort, bytes_of(port))});
}

// All that a plain VXLAN device takes (vxlan_rcv()).
Exprs is_vxlan() {
  return field_is(kVxlanFlags, {8, 0, 0, 0});
}

Exprs with_vxlan_header() {
  return joined({ip_protocol(IPPROTO_UDP), is_vxlan()});
}

// An IPv4 field in set "<name>4", or an IPv6 one in "<name>6".
Exprs in4(const PacketField& field, std::string_view set, Membership wanted = Membership::in) {
  return joined({family(NFPROTO_IPV4), field_in(field, set, wanted)});
}

Exprs in6(const PacketField& field, std::string_view set, Membership wanted = Membership::in) {
  return joined({family(NFPROTO_IPV6), field_in(field, set, wanted)});
}

NftChain vxlan_input(const HostFilter& filter) {
  NftChain chain{.name = "input", .type = "filter", .hook = NF_INET_LOCAL_IN, .priority = kFilterPriority};
  chain.rules = {rule("to a VXLAN port", {to_tunnel(filter), go_to(kFromTunnel)})};
  return chain;
}

// Whether the packet came by a device that leads back to its source. Kernel: nft_fib4_eval() and
// nft_fib6_eval() answer 0 when no route to the source leaves by it; several next hops and a bridge's ports
// are seen to.
Exprs way_back(const HostFilter& filter, Membership wanted) {
  if (filter.underlays) return meta_in(NFT_META_IIFNAME, "underlays", wanted);
  const std::uint32_t op = wanted == Membership::in ? NFT_CMP_NEQ : NFT_CMP_EQ;
  return {NftFib{.result = NFT_FIB_RESULT_OIF, .flags = NFTA_FIB_F_SADDR | NFTA_FIB_F_IIF, .slot = 0},
          NftCmp{.slot = 0, .op = op, .data = host_order(0)}};
}

// The TTL, or the hop limit, against the highest.
Exprs ttl_is(const PacketField& ttl, std::uint32_t op) {
  return {NftPayload{ttl.base, ttl.offset, ttl.length, 0}, NftCmp{.slot = 0, .op = op, .data = {kFullTtl}}};
}

// RFC 5082: no router can pass on what still has the highest TTL, so who is on this link has sent it. Whoever
// sends less is looked up, the others are not.
void add_full_ttl(NftChain& chain) {
  const std::string what = "a VTEP on this link, by a router";
  chain.rules.push_back(rule(what, {family(NFPROTO_IPV4), ttl_is(kTtl4, NFT_CMP_NEQ),
                                    field_in(kSource4, kFullTtlSets[0]), drop("ttl")}));
  chain.rules.push_back(rule(what, {family(NFPROTO_IPV6), ttl_is(kTtl6, NFT_CMP_NEQ),
                                    field_in(kSource6, kFullTtlSets[1]), drop("ttl")}));
}

// Before who is a VTEP counts: what a lost host still sends may have a VNI that is another network's by now.
void add_lost(NftChain& chain, const HostFilter& filter) {
  if (filter.lost.empty()) return;
  const NftRule rules[] = {
      rule("another VNI is not ours to judge", {field_in(kVni, "vnis", Membership::not_in), accept()}),
      rule("a lost host's", {in4(kSource4, "lost4"), drop("vni")}),
      rule("a lost host's", {in6(kSource6, "lost6"), drop("vni")})};
  chain.rules.insert(chain.rules.begin(), std::begin(rules), std::end(rules));
}

// Nearly all packets end at the first rule of their family: what may enter our networks may enter others'.
// This host's own address is no VTEP's here: its tunnels send nothing to itself.
//
// IPv4 arrives here reassembled (ip_local_deliver()). IPv6 does not, unless conntrack is on, so a first
// fragment may end before the VNI: therefore what is not known to be another's is judged as ours.
NftChain from_tunnel(const HostFilter& filter) {
  NftChain chain{.name = std::string(kFromTunnel)};
  const Exprs full4 = filter.full_ttl ? ttl_is(kTtl4, NFT_CMP_EQ) : Exprs();
  const Exprs full6 = filter.full_ttl ? ttl_is(kTtl6, NFT_CMP_EQ) : Exprs();
  chain.rules = {
      rule("a VTEP's", {in4(kSource4, "vteps4"), way_back(filter, Membership::in), full4, accept()}),
      rule("a VTEP's", {in6(kSource6, "vteps6"), way_back(filter, Membership::in), full6, accept()}),
      rule("another VNI is not ours to judge", {field_in(kVni, "vnis", Membership::not_in), accept()}),
      rule("our VNI from no VTEP", {in4(kSource4, "vteps4", Membership::not_in), drop("vni")}),
      rule("our VNI from no VTEP", {in6(kSource6, "vteps6", Membership::not_in), drop("vni")}),
      rule("a VTEP by a way that does not lead back to it",
           {way_back(filter, Membership::not_in), drop("source")})};
  if (filter.full_ttl) add_full_ttl(chain);
  add_lost(chain, filter);
  return chain;
}

// Neither answers to what somebody forwards, who came in by a device that ovl did not open, nor what another
// program's rules send elsewhere.
Exprs is_begun_here() {
  const Bytes begun = host_order(NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED));
  const Exprs state{NftCt{.key = NFT_CT_STATE, .slot = 0},
                    NftBitwise{.slot = 0, .mask = begun, .xored = Bytes(4)},
                    NftCmp{.slot = 0, .op = NFT_CMP_EQ, .data = Bytes(4)}};
  const Exprs target{NftCt{.key = NFT_CT_STATUS, .slot = 0},
                     NftBitwise{.slot = 0, .mask = host_order(IPS_DST_NAT), .xored = Bytes(4)},
                     NftCmp{.slot = 0, .op = NFT_CMP_EQ, .data = Bytes(4)}};
  return joined({state, target});
}

// Behind the source NAT of everybody, and behind what gives a packet of this host another destination.
// Kernel: ip_output() still has the device that the packet came from, none for what a socket of this host
// sends, and for a tunnel's packets its VXLAN device, of whatever namespace. Those may have the socket of who
// sent into the tunnel. What comes from an endpoint was judged before the routing. Frames that a bridge
// passes on, which br_netfilter shows here too, have none (br_nf_post_routing()), and that is what tells them
// from what is routed.
NftChain leaving(const HostFilter& filter) {
  NftChain chain{
      .name = "leaving", .type = "filter", .hook = NF_INET_POST_ROUTING, .priority = kBehindSourceNat};
  const Exprs of_a_socket = meta_is(NFT_META_IIF, host_order(0), NFT_CMP_EQ);
  const Exprs of_a_user = meta_is(NFT_META_SKUID, host_order(0), NFT_CMP_NEQ);
  chain.rules = {
      rule("by a device of ovl's",
           {meta_is(NFT_META_IIFGROUP, host_order(kLinkGroup), NFT_CMP_EQ), accept()}),
      rule("a user's datagram", {of_a_socket, of_a_user, ip_protocol(IPPROTO_UDP), go_to(kFromUsers)}),
      rule("this host's own", {of_a_socket, accept()})};
  // Kernel: a device's forwarding is about what comes in by it, whoever it is for.
  if (filter.gateway) {
    chain.rules.push_back(
        rule("this host is no router",
             {family(NFPROTO_IPV4), meta_in(NFT_META_IIFNAME, "opened"), is_begun_here(), drop("router")}));
  }
  chain.rules.push_back(rule("a forwarded datagram", {ip_protocol(IPPROTO_UDP), go_to(kForwarded)}));
  return chain;
}

// A VXLAN socket takes what comes to any address of its host, by broadcast and multicast too. Another host
// may have a port before this one hears of it.
NftChain from_users() {
  NftChain chain{.name = std::string(kFromUsers)};
  chain.rules = {rule("into a tunnel", {to_vxlan_port(), drop("uid")}),
                 rule("VXLAN to a VTEP", {with_vxlan_header(), in4(kDestination4, "vteps4"), drop("uid")}),
                 rule("VXLAN to a VTEP", {with_vxlan_header(), in6(kDestination6, "vteps6"), drop("uid")})};
  return chain;
}

// Kernel: IFLA_INFO_KIND of the device that a packet came in by.
Exprs is_of_bridge() {
  return meta_is(NFT_META_IIFKIND, bytes_of(IfName::from_kernel("bridge")), NFT_CMP_EQ);
}

// Routed from a bridge by which nobody reaches a VTEP, with the address of one.
void add_from_bridges(NftChain& chain) {
  const Exprs from_elsewhere =
      joined({is_of_bridge(), meta_in(NFT_META_IIFNAME, "ways", Membership::not_in)});
  for (const Exprs& of_a_tunnel : {to_vxlan_port(), with_vxlan_header()}) {
    for (const Exprs& of_a_vtep : {in4(kSource4, "vteps4"), in6(kSource6, "vteps6")}) {
      chain.rules.push_back(rule("in the dress of another host's tunnels",
                                 {of_a_tunnel, of_a_vtep, from_elsewhere, drop("source")}));
    }
  }
}

// Masqueraded as a rule. What another program's VXLAN device sends, and what somebody sends who came by it,
// look alike but for the VNI. A device that ovl has let go still sends with full TTL, which nothing has that
// was forwarded (RFC 1812, 5.3.1).
NftChain forwarded() {
  NftChain chain{.name = std::string(kForwarded)};
  const Exprs to_4 = joined({in4(kSource4, "own4"), field_in(kDestination4, "vteps4")});
  const Exprs to_6 = joined({in6(kSource6, "own6"), field_in(kDestination6, "vteps6")});
  chain.rules = {
      rule("made here", {from_vxlan(), family(NFPROTO_IPV4), ttl_is(kTtl4, NFT_CMP_EQ), accept()}),
      rule("made here", {from_vxlan(), family(NFPROTO_IPV6), ttl_is(kTtl6, NFT_CMP_EQ), accept()}),
      rule("another program's tunnel",
           {from_vxlan(), field_in(kVni, "cluster_vnis", Membership::not_in), accept()}),
      rule("in the dress of this host's tunnels", {to_vxlan_port(), in4(kSource4, "own4"), drop("disguise")}),
      rule("in the dress of this host's tunnels", {to_vxlan_port(), in6(kSource6, "own6"), drop("disguise")}),
      rule("another program's tunnel", {from_vxlan(), accept()}),
      rule("VXLAN to a VTEP", {with_vxlan_header(), to_4, drop("disguise")}),
      rule("VXLAN to a VTEP", {with_vxlan_header(), to_6, drop("disguise")})};
  add_from_bridges(chain);
  return chain;
}

// Before the routing. Forwarded with a VTEP's address, another host would take it for that VTEP's, as it
// comes by the way that leads to both. What comes in by a bridge may only pass it, on br_netfilter's way, as
// a guest's that is itself a host of the cluster; it is judged behind the routing.
NftChain other_datagrams(const HostFilter& filter) {
  NftChain chain{.name = std::string(kOtherDatagrams)};
  const Exprs by_a_wrong_way = way_back(filter, Membership::not_in);
  chain.rules.push_back(rule("of a bridge", {is_of_bridge(), accept()}));
  for (const Exprs& of_a_tunnel : {to_vxlan_port(), with_vxlan_header()}) {
    for (const Exprs& of_a_vtep : {in4(kSource4, "vteps4"), in6(kSource6, "vteps6")}) {
      chain.rules.push_back(rule("in the dress of another host's tunnels",
                                 {of_a_tunnel, of_a_vtep, by_a_wrong_way, drop("source")}));
    }
  }
  return chain;
}

NftSet device_set(std::string name, const std::vector<IfName>& devices) {
  std::vector<Bytes> elements;
  elements.reserve(devices.size());
  for (const IfName& device : devices) elements.push_back(bytes_of(device));
  return make_set(std::move(name), {kDeviceKey}, std::move(elements));
}

constexpr std::array<std::uint8_t, 2> kStoreProtocols{IPPROTO_TCP, IPPROTO_UDP};

std::vector<NftSet> gateway_sets(const GatewayFilter& gateway) {
  std::vector<Bytes> keystores;
  std::vector<Bytes> ports;
  for (const KeystoreAddress& keystore : gateway.keystores) {
    const Bytes port = bytes_of(static_cast<std::uint16_t>(keystore.port.number()));
    for (const std::uint8_t protocol : kStoreProtocols) {
      ports.push_back(concatenated({{protocol}, port}));
      if (!keystore.address.is_ipv4()) continue;  // no IPv6 leaves the bridge
      keystores.push_back(concatenated({{protocol}, bytes_of(keystore.address), port}));
    }
  }
  return {make_set("keystore_ports", {kProtocolKey, kPortNumberKey}, std::move(ports)),
          make_set("keystores", {kProtocolKey, kIpv4Key, kPortNumberKey}, std::move(keystores)),
          device_set(std::string(kOpenedSet), gateway.opened),
          device_set(std::string(kUplinksSet), gateway.uplinks)};
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

// An address of this host, whatever device has it, and all else that its sockets hear: broadcast, multicast.
Exprs to_this_host() {
  return {NftFib{.result = NFT_FIB_RESULT_ADDRTYPE, .flags = NFTA_FIB_F_DADDR, .slot = 0},
          NftCmp{.slot = 0, .op = NFT_CMP_NEQ, .data = host_order(RTN_UNICAST)}};
}

Exprs to_keystore_port() {
  return {NftMeta{.key = NFT_META_L4PROTO, .slot = 0},
          NftPayload{kDestinationPort.base, kDestinationPort.offset, kDestinationPort.length, 1},
          NftLookup{.slot = 0, .set = "keystore_ports"}};
}

// What conntrack does for a tunnel's packets costs time, and nobody needs it, but for another program's
// filter that takes what it has a state for, or a translation of this host's own. Only packets for this host
// and its own: what it forwards is others'. A rule for each address, as there is one.
void add_untracked(NftChain& chain, const HostFilter& filter, const PacketField& own4,
                   const PacketField& own6, const Exprs& of_a_tunnel) {
  if (filter.tracked) return;
  const std::set<IpAddress> own(filter.own.begin(), filter.own.end());
  for (const IpAddress& address : own) {
    const bool ipv4 = address.is_ipv4();
    chain.rules.push_back(rule("a tunnel's, not tracked", {of_a_tunnel,
                                                           family(ipv4 ? NFPROTO_IPV4 : NFPROTO_IPV6),
                                                           field_is(ipv4 ? own4 : own6, bytes_of(address)),
                                                           {NftNotrack{}},
                                                           accept()}));
  }
}

NftChain untracked_output(const HostFilter& filter) {
  NftChain chain{
      .name = "untracked", .type = "filter", .hook = NF_INET_LOCAL_OUT, .priority = kBeforeConntrack};
  add_untracked(chain, filter, kSource4, kSource6, to_tunnel(filter));
  return chain;
}

// An answer to who asked from a VXLAN port comes to one, and finds its way back by conntrack.
NftChain before_conntrack(const HostFilter& filter) {
  NftChain chain{
      .name = "prerouting", .type = "filter", .hook = NF_INET_PRE_ROUTING, .priority = kBeforeConntrack};
  if (filter.gateway) {
    chain.rules = {rule("from an endpoint", {comes_in(filter.gateway->bridge), go_to(kFromEndpoints)})};
  }
  add_untracked(chain, filter, kDestination4, kDestination6, joined({to_tunnel(filter), is_vxlan()}));
  chain.rules.push_back(rule("others' datagrams", {ip_protocol(IPPROTO_UDP), go_to(kOtherDatagrams)}));
  return chain;
}

// One in 65536 of the questions that a resolver asks of its own accord looks like a VXLAN header.
Exprs to_no_dns_server() {
  return {NftPayload{kDestinationPort.base, kDestinationPort.offset, kDestinationPort.length, 0},
          NftCmp{.slot = 0, .op = NFT_CMP_NEQ, .data = bytes_of(kDnsPort)}};
}

// Fragments: the nat chain turns conntrack on, whose defragmentation (priority -400) stands before this
// chain, so a port is always there to be read. Without a gateway there is no such chain, and none needed.
NftChain from_endpoints(const GatewayFilter& gateway) {
  NftChain chain{.name = std::string(kFromEndpoints)};
  // Masqueraded, VXLAN would come from this host's VTEP. A port may be a VXLAN port elsewhere before this
  // host hears of it, and hosts have addresses that this one does not know; the header is one everywhere.
  // VXLAN of an endpoint's own has no use there: no answer comes back through a masquerade.
  chain.rules = {
      rule("no IPv6 way out", {family(NFPROTO_IPV4, NFT_CMP_NEQ), drop("ipv6")}),
      rule("source outside the pool",
           {family(NFPROTO_IPV4), from_pool(gateway.pool, NFT_CMP_NEQ), drop("address")}),
      rule("to a VXLAN port", {to_vxlan_port(), drop("port")}),
      rule("VXLAN to a VTEP", {with_vxlan_header(), in4(kDestination4, "vteps4"), drop("disguise")}),
      rule("VXLAN to anybody", {with_vxlan_header(), to_no_dns_server(), drop("disguise")}),
      rule("to the keystore", {family(NFPROTO_IPV4), to_keystore(), drop("keystore")}),
      rule("to the keystore's ports here", {to_keystore_port(), to_this_host(), drop("keystore")})};
  return chain;
}

// Accepts no more than its own: policy accept leaves the packets of others to their own chains.
NftChain gateway_forward(const GatewayFilter& gateway) {
  const Exprs inside = comes_in(gateway.bridge);
  const Exprs to_inside = goes_out(gateway.bridge);
  const Bytes known = host_order(NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED));
  NftChain chain{.name = "forward", .type = "filter", .hook = NF_INET_FORWARD, .priority = kFilterPriority};
  chain.rules = {rule("endpoint to uplink", {inside, meta_in(NFT_META_OIFNAME, "uplinks"), accept()}),
                 rule("endpoint to anything else, other endpoints too", {inside, drop("forward")}),
                 rule("answers to an endpoint", {to_inside,
                                                 {NftCt{.key = NFT_CT_STATE, .slot = 0},
                                                  NftBitwise{.slot = 0, .mask = known, .xored = Bytes(4)},
                                                  NftCmp{.slot = 0, .op = NFT_CMP_NEQ, .data = Bytes(4)}},
                                                 accept()}),
                 rule("others to an endpoint", {to_inside, drop("forward")})};
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
  NftTable table{
      .family = NftFamily::inet,
      .name = std::string(kTableName),
      .sets = vxlan_sets(filter),
      .chains = {vxlan_input(filter), from_tunnel(filter), leaving(filter), from_users(), forwarded(),
                 before_conntrack(filter), other_datagrams(filter), untracked_output(filter)},
      .comment = filter.owner};
  table.sets.push_back(device_set("ways", filter.ways));
  if (filter.underlays) table.sets.push_back(device_set("underlays", *filter.underlays));
  if (!filter.lost.empty()) {
    table.sets.push_back(
        make_set(std::string(kLostSets[0]), {kIpv4Key}, address_bytes(filter.lost, Family::ipv4)));
    table.sets.push_back(
        make_set(std::string(kLostSets[1]), {kIpv6Key}, address_bytes(filter.lost, Family::ipv6)));
  }
  if (filter.full_ttl) {
    table.sets.push_back(
        make_set(std::string(kFullTtlSets[0]), {kIpv4Key}, address_bytes(*filter.full_ttl, Family::ipv4)));
    table.sets.push_back(
        make_set(std::string(kFullTtlSets[1]), {kIpv6Key}, address_bytes(*filter.full_ttl, Family::ipv6)));
  }
  if (filter.gateway) {
    std::ranges::move(gateway_sets(*filter.gateway), std::back_inserter(table.sets));
    table.chains.push_back(from_endpoints(*filter.gateway));
    table.chains.push_back(gateway_forward(*filter.gateway));
    table.chains.push_back(gateway_postrouting(*filter.gateway));
  }
  return finished(std::move(table));
}

}  // namespace ovl
