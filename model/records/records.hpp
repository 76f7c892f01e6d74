// Records: what the keystore holds. Each is one resolved block with every value known.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "model/base/fields.hpp"

namespace ovl {

using Labels = std::map<std::string, std::string>;

// What becomes of an object that exists, is as a record wants it, and is not ovl's.
enum class AdoptMode : std::uint8_t { never, if_equal };

template <>
struct EnumNames<AdoptMode> {
  static constexpr std::array<std::string_view, 2> names{"never", "if-equal"};
};

// Which link-local addresses an endpoint has: the one of its MAC (RFC 4291, appendix A), or also such as it
// makes itself (RFC 7217) and no other endpoint of the network has by its MAC.
enum class LinkLocal : std::uint8_t { eui64, any };

template <>
struct EnumNames<LinkLocal> {
  static constexpr std::array<std::string_view, 2> names{"eui64", "any"};
};

// What endpoints of a network send to each other: IPv4, IPv6 and ARP, or Ethernet of any type but VLANs.
enum class FrameTypes : std::uint8_t { ip, any };

template <>
struct EnumNames<FrameTypes> {
  static constexpr std::array<std::string_view, 2> names{"ip", "any"};
};

// By which interface a tunnel's packet from a VTEP may come. strict: one by which the host would answer it.
// loose: any with a route to a VTEP, for where ways differ.
enum class SourceCheck : std::uint8_t { strict, loose };

template <>
struct EnumNames<SourceCheck> {
  static constexpr std::array<std::string_view, 2> names{"strict", "loose"};
};

// Whether a packet of a VTEP on the same link must have passed no router. automatic: where its host says that
// it sends with the highest TTL.
enum class TtlCheck : std::uint8_t { automatic, off };

template <>
struct EnumNames<TtlCheck> {
  static constexpr std::array<std::string_view, 2> names{"auto", "off"};
};

struct HostRecord {
  HostName name;
  std::string id;                           // 64 hexadecimal digits
  std::optional<IpAddress> advertise;       // the VTEP; absent while its host has not resolved the interface
  std::optional<IfName> interface;          // when the manifest names an interface
  std::optional<IpAddress> bind;            // local address behind NAT; absent: advertise
  std::optional<IpPrefix> gateway_pool;     // of its gateway bridge
  std::optional<SourceCheck> source_check;  // absent: strict
  std::optional<TtlCheck> ttl_check;        // absent: auto
  Labels labels;
  bool protect = false;
  std::vector<std::string> chosen;  // members whose value ovl chose
  Newer newer;

  static constexpr auto fields() {
    return std::tuple{ovl::key("name", &HostRecord::name),
                      ovl::computed("id", &HostRecord::id),
                      ovl::setting("advertise", &HostRecord::advertise),
                      ovl::setting("interface", &HostRecord::interface),
                      ovl::setting("bind", &HostRecord::bind),
                      ovl::setting("gateway_pool", &HostRecord::gateway_pool),
                      ovl::setting("source_check", &HostRecord::source_check),
                      ovl::setting("ttl_check", &HostRecord::ttl_check),
                      ovl::setting("labels", &HostRecord::labels),
                      ovl::setting("protect", &HostRecord::protect),
                      ovl::computed("chosen", &HostRecord::chosen)};
  }

  bool operator==(const HostRecord&) const = default;
};

// The second VXLAN device of a network that gets another VNI or UDP port, on every host. coming: it only
// receives yet. going: the other one sends now, and this one still receives. So no host loses what
// another one still, or already, sends.
enum class TwinRole : std::uint8_t { coming, going };

template <>
struct EnumNames<TwinRole> {
  static constexpr std::array<std::string_view, 2> names{"coming", "going"};
};

struct Twin {
  TwinRole role = TwinRole::coming;
  Vni vni;
  UdpPort port;
  std::int64_t since = 0;  // the generation that brought it

  static constexpr auto fields() {
    return std::tuple{ovl::setting("role", &Twin::role), ovl::setting("vni", &Twin::vni),
                      ovl::setting("port", &Twin::port), ovl::computed("since", &Twin::since)};
  }

  bool operator==(const Twin&) const = default;
};

// The VXLAN devices of a sandbox. A network without `device` has the first.
inline constexpr std::array<std::string_view, 2> kVxlanDevices{"vxlan0", "vxlan1"};

struct NetworkRecord {
  Label name;
  std::string id;
  Vni vni;
  UdpPort port;
  std::optional<Twin> twin;         // while the VNI or the port changes
  std::optional<IfName> device;     // the VXLAN device that sends; absent: vxlan0
  std::vector<IpPrefix> subnets;    // at least one; order of the manifest
  std::vector<IpAddress> gateways;  // one per subnet, same order
  std::vector<IpPrefix> ip_range;   // at most one per subnet; endpoints get addresses in it
  std::vector<IpAddress> reserved;  // never given to an endpoint
  std::optional<Mtu> mtu;           // absent: computed from the hosts' underlays
  bool internal = false;
  std::optional<FrameTypes> frames;  // absent: ip
  std::optional<AdoptMode> adopt;    // absent: never
  Labels labels;
  bool protect = false;
  std::vector<std::string> chosen;
  Newer newer;

  static constexpr auto fields() {
    return std::tuple{ovl::key("name", &NetworkRecord::name),
                      ovl::computed("id", &NetworkRecord::id),
                      ovl::setting("vni", &NetworkRecord::vni),
                      ovl::setting("port", &NetworkRecord::port),
                      ovl::setting("twin", &NetworkRecord::twin),
                      ovl::setting("device", &NetworkRecord::device),
                      ovl::setting("subnets", &NetworkRecord::subnets),
                      ovl::setting("gateways", &NetworkRecord::gateways),
                      ovl::setting("ip_range", &NetworkRecord::ip_range),
                      ovl::setting("reserved", &NetworkRecord::reserved),
                      ovl::setting("mtu", &NetworkRecord::mtu),
                      ovl::setting("internal", &NetworkRecord::internal),
                      ovl::setting("frames", &NetworkRecord::frames),
                      ovl::setting("adopt", &NetworkRecord::adopt),
                      ovl::setting("labels", &NetworkRecord::labels),
                      ovl::setting("protect", &NetworkRecord::protect),
                      ovl::computed("chosen", &NetworkRecord::chosen)};
  }

  bool operator==(const NetworkRecord&) const = default;
};

// One attachment of an endpoint to a network.
struct EndpointRecord {
  Label network;
  Label name;
  std::string id;
  HostName host;
  NetnsName netns;
  IfName interface;                  // inside the namespace: eth0
  std::vector<IpAddress> addresses;  // at most one IPv4 and one IPv6, IPv4 first
  MacAddress mac;
  std::vector<Alias> aliases;  // sorted
  // Its way out, the same on all records of one endpoint; absent when all its networks are internal.
  std::optional<IfName> gateway_interface;
  std::optional<IpAddress> gateway_address;
  // The same on all records of one endpoint; absent: eui64, and never.
  std::optional<LinkLocal> link_local;
  std::optional<AdoptMode> adopt;
  Labels labels;
  bool protect = false;
  std::vector<std::string> chosen;
  Newer newer;

  static constexpr auto fields() {
    return std::tuple{ovl::key("network", &EndpointRecord::network),
                      ovl::key("name", &EndpointRecord::name),
                      ovl::computed("id", &EndpointRecord::id),
                      ovl::setting("host", &EndpointRecord::host),
                      ovl::setting("netns", &EndpointRecord::netns),
                      ovl::setting("interface", &EndpointRecord::interface),
                      ovl::setting("addresses", &EndpointRecord::addresses),
                      ovl::setting("mac", &EndpointRecord::mac),
                      ovl::setting("aliases", &EndpointRecord::aliases),
                      ovl::setting("gateway_interface", &EndpointRecord::gateway_interface),
                      ovl::setting("gateway_address", &EndpointRecord::gateway_address),
                      ovl::setting("link_local", &EndpointRecord::link_local),
                      ovl::setting("adopt", &EndpointRecord::adopt),
                      ovl::setting("labels", &EndpointRecord::labels),
                      ovl::setting("protect", &EndpointRecord::protect),
                      ovl::computed("chosen", &EndpointRecord::chosen)};
  }

  bool operator==(const EndpointRecord&) const = default;
};

// A route or address that a host knows, as far as allocation must avoid it.
struct FactRoute {
  IpPrefix destination;
  IfName dev;

  static constexpr auto fields() {
    return std::tuple{ovl::key("destination", &FactRoute::destination), ovl::setting("dev", &FactRoute::dev)};
  }

  bool operator==(const FactRoute&) const = default;
};

enum class RouteType : std::uint8_t { unicast, blackhole, unreachable, prohibit };

template <>
struct EnumNames<RouteType> {
  static constexpr std::array<std::string_view, 4> names{"unicast", "blackhole", "unreachable", "prohibit"};
};

inline constexpr std::uint32_t kMainTable = 254;  // RT_TABLE_MAIN

// An IPv4 prefix that a host's routes hold beside FactRoute: in a table of its own that rules lead to, or by
// dropping what is sent there.
struct HeldRoute {
  IpPrefix destination;
  RouteType type = RouteType::unicast;
  std::uint32_t table = kMainTable;

  bool operator==(const HeldRoute&) const = default;
};

// What stands in for a resolv.conf that names the machine's own resolver, which no endpoint reaches.
struct Resolver {
  IpAddress stub;                  // the first address of the loopback that it names
  std::vector<std::string> lines;  // of a resolv.conf with servers of IPv4; empty: none is known
};

// What a host may say of its underlay, bytes: IPv4's least packet (RFC 791, section 3.2) in a tunnel over
// IPv6, and the largest device. A smaller underlay is told as the least.
inline constexpr std::uint32_t kLeastUnderlayMtu = 68 + 70;
inline constexpr std::uint32_t kMostUnderlayMtu = 65'536;

// What a host says about itself; written by that host alone, so that others may leave out what a newer build
// says besides.
struct HostFacts {
  static constexpr bool takes_unknown = true;

  HostName host;
  std::string machine;  // a hash of /etc/machine-id and the host namespace's boot: who claims the name
  std::optional<IpAddress> vtep;       // the advertised address as resolved on the host
  std::uint32_t underlay_mtu = 1500;   // of the device that carries vtep, bytes
  std::vector<IpAddress> addresses;    // all of the host's own, sorted
  std::vector<FactRoute> routes;       // not ours, without default routes, sorted
  std::vector<IfName> uplinks;         // devices of default routes, sorted
  std::vector<IpAddress> nameservers;  // of /etc/resolv.conf, and whom a resolver of this host's own asks
  std::vector<Vni> vnis;               // of VXLAN devices that aren't ours, sorted
  // Chains of others that drop what is forwarded by policy, and have no rule for our gateway bridge:
  // "ip filter FORWARD".
  std::vector<std::string> forward_drops;
  std::string kernel;   // release
  std::string version;  // of ovl, and what it can (model/records/abilities.hpp)
  // Lost hosts whose tunnels' packets this one drops, sorted; absent: of nobody, or a build that does not
  // say.
  std::optional<std::vector<HostName>> refuses;
  // Not ours, without default routes. For this host's own look: no other needs them, and none is told.
  std::vector<HeldRoute> held;
  // Where /etc/resolv.conf names an address of the loopback. As `held`.
  std::optional<Resolver> resolver;
  // Always empty, as what is unknown is not kept: a host says its facts anew.
  Newer newer;

  static constexpr auto fields() {
    return std::tuple{ovl::key("host", &HostFacts::host),
                      ovl::setting("machine", &HostFacts::machine),
                      ovl::setting("vtep", &HostFacts::vtep),
                      ovl::setting("underlay_mtu", &HostFacts::underlay_mtu),
                      ovl::setting("addresses", &HostFacts::addresses),
                      ovl::setting("routes", &HostFacts::routes),
                      ovl::setting("uplinks", &HostFacts::uplinks),
                      ovl::setting("nameservers", &HostFacts::nameservers),
                      ovl::setting("vnis", &HostFacts::vnis),
                      ovl::setting("forward_drops", &HostFacts::forward_drops),
                      ovl::setting("kernel", &HostFacts::kernel),
                      ovl::setting("version", &HostFacts::version),
                      ovl::setting("refuses", &HostFacts::refuses)};
  }

  // Whether both tell the others the same.
  bool operator==(const HostFacts& other) const { return same_fields(*this, other); }
};

// The moving pointer of a cluster's tree; written last, by compare-and-set.
struct Head {
  std::string lineage;  // made when head is claimed; never changes
  std::int64_t serial = 0;
  std::string source;  // who may change the records: "git:<root commit>:<path>" or "dir:<cluster>"
  std::string commit;  // empty for a plain directory
  std::string digest;  // of the desired records
  std::string apply_id;
  Newer newer;

  static constexpr auto fields() {
    return std::tuple{ovl::fixed("lineage", &Head::lineage), ovl::setting("serial", &Head::serial),
                      ovl::setting("source", &Head::source), ovl::setting("commit", &Head::commit),
                      ovl::setting("digest", &Head::digest), ovl::setting("apply_id", &Head::apply_id)};
  }

  bool operator==(const Head&) const = default;
};

// All desired records of a cluster. Invariant: each vector is sorted by its key.
struct Records {
  std::vector<HostRecord> hosts;          // by name
  std::vector<NetworkRecord> networks;    // by name
  std::vector<EndpointRecord> endpoints;  // by network, then name

  [[nodiscard]] const HostRecord* host(const HostName& name) const;
  [[nodiscard]] const NetworkRecord* network(const Label& name) const;
  [[nodiscard]] const EndpointRecord* endpoint(const Label& network, const Label& name) const;
  void sort();

  bool operator==(const Records&) const = default;
};

// Facts of all hosts that have published some, sorted by host.
struct Facts {
  std::vector<HostFacts> hosts;

  [[nodiscard]] const HostFacts* host(const HostName& name) const;
  // Puts in or replaces one host's facts.
  void set(HostFacts facts);

  bool operator==(const Facts&) const = default;
};

}  // namespace ovl
