#include "reconcile/objects/project.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <span>

#include "reconcile/base/allocate.hpp"
#include "reconcile/base/fitness.hpp"
#include "reconcile/base/ids.hpp"
#include "reconcile/objects/full_ttl.hpp"
#include "reconcile/objects/held_by_pool.hpp"
#include "reconcile/objects/subnet_check.hpp"
#include "reconcile/records/switch_over.hpp"

namespace ovl {

namespace {

constexpr std::uint32_t kEncapsulationIpv4 = 50;  // RFC 7348: 14 + 20 + 8 + 8
constexpr std::uint32_t kEncapsulationIpv6 = 70;
constexpr std::uint32_t kGatewayMtu = 1500;

IfName device(std::string_view name) {
  return IfName::from_kernel(name);
}

NetnsName sandbox_name(const Label& network) {
  // A prefix and a validated label make a valid file name.
  return NetnsName::parse(std::string(kSandboxPrefix) + network.text()).value();
}

// A generated device name: four letters and the first digits of the endpoint's id.
IfName port_name(std::string_view prefix, const std::string& id) {
  return device(fmt::format("{}{}", prefix, std::string_view(id).substr(0, 11)));
}

// All of one network; the records are sorted by network.
std::span<const EndpointRecord> endpoints_on(const Records& records, const Label& network) {
  const auto begin = std::ranges::lower_bound(records.endpoints, network, {}, &EndpointRecord::network);
  const auto end = std::ranges::upper_bound(records.endpoints, network, {}, &EndpointRecord::network);
  return std::span<const EndpointRecord>(begin, end);
}

std::uint32_t overhead_of(const NetworkRecord& network, const Records& records) {
  const bool over_ipv6 =
      std::ranges::any_of(endpoints_on(records, network.name), [&](const EndpointRecord& endpoint) {
        const HostRecord* host = records.host(endpoint.host);
        return host != nullptr && host->advertise && !host->advertise->is_ipv4();
      });
  return over_ipv6 ? kEncapsulationIpv6 : kEncapsulationIpv4;
}

bool uses_ipv6(const NetworkRecord& network) {
  return std::ranges::any_of(network.subnets,
                             [](const IpPrefix& subnet) { return !subnet.address().is_ipv4(); });
}

bool sees_outside(const EndpointRecord& endpoint) {
  return endpoint.gateway_interface.has_value() && endpoint.gateway_address.has_value();
}

class Projector {
 public:
  explicit Projector(const ProjectInput& in)
      : in_(in), self_(in.records.host(in.host)), facts_(in.facts.host(in.host)) {
    if (self_ == nullptr) return;
    as_it_is_ = *self_;
    as_it_is_.advertise = vtep_of(*self_, in.records, in.facts);
    self_ = &as_it_is_;
  }

  Projected run() {
    if (self_ == nullptr || !self_->advertise) return std::move(out_);
    for (const NetworkRecord& network : in_.records.networks) {
      if (is_here(network.name)) add_network(network);
    }
    add_gateway();
    add_host_filter();
    add_names();
    out_.objects.sort();
    return std::move(out_);
  }

 private:
  [[nodiscard]] std::span<const EndpointRecord> endpoints_of(const Label& network) const {
    return endpoints_on(in_.records, network);
  }

  [[nodiscard]] bool is_here(const Label& network) const {
    return std::ranges::any_of(endpoints_of(network),
                               [&](const EndpointRecord& e) { return e.host == in_.host; });
  }

  [[nodiscard]] std::string mark(std::string_view what) const { return owner_mark(in_.cluster, what); }

  NamespaceObjects& space(const NetnsName& name, std::string_view what) {
    NamespaceObjects& objects = out_.objects.at(name);
    if (!name.empty() && !objects.netns) objects.netns = Netns{.name = name, .owner = mark(what)};
    return objects;
  }

  // ---- one network's sandbox ---------------------------------------------------------------------

  void add_network(const NetworkRecord& network) {
    mtu_ = effective_mtu(network, in_.records, in_.facts);
    check_mtu(network);
    warn_of_small_underlays(network);
    check_subnets(network);
    vnis_.push_back(network.vni);
    if (network.twin) vnis_.push_back(network.twin->vni);
    const NetnsName sandbox = sandbox_name(network.name);
    const std::string what = "network/" + network.name.text();
    add_bridge(space(sandbox, what), network, what);
    skip_ip_filters(out_.objects.at(sandbox));
    std::vector<FilteredPort> filtered;
    FilteredSegment segment{.any_frames = network.frames == FrameTypes::any};
    for (const EndpointRecord& endpoint : endpoints_of(network.name)) {
      if (endpoint.host == in_.host) {
        filtered.push_back(add_local(sandbox, network, endpoint));
      } else {
        add_remote(out_.objects.at(sandbox), network, endpoint);
        segment.others.push_back(endpoint.mac);
      }
    }
    out_.objects.at(sandbox).nft_tables.push_back(port_filter(mark(what), filtered, segment));
  }

  void check_mtu(const NetworkRecord& network) {
    if (facts_ == nullptr || !network.mtu) return;
    const std::uint32_t most = facts_->underlay_mtu - encapsulation();
    if (mtu_ <= most) return;
    out_.problems.push_back(Finding{
        .code = Errc::conflict,
        .id = "mtu-too-large",
        .subject = "network." + network.name.text(),
        .message =
            fmt::format("MTU {} does not fit this host's underlay of {} bytes", mtu_, facts_->underlay_mtu),
        .hint = fmt::format("declare mtu = {} or less, or raise the underlay's MTU", most),
        .part = "network " + network.name.text()});
  }

  // A network of hosts is as its smallest underlay; IPv6 takes no less than its floor (RFC 8200, section 5).
  void warn_of_small_underlays(const NetworkRecord& network) {
    if (network.mtu) return;
    const std::uint32_t overhead = overhead_of(network, in_.records);
    std::set<HostName> said;
    for (const EndpointRecord& endpoint : endpoints_of(network.name)) {
      const HostFacts* host = in_.facts.host(endpoint.host);
      if (host == nullptr || host->underlay_mtu >= kLeastIpv6Mtu + overhead) continue;
      if (said.insert(endpoint.host).second)
        warn_of_small_underlay(network, *host, host->underlay_mtu - overhead);
    }
  }

  void warn_of_small_underlay(const NetworkRecord& network, const HostFacts& host, std::uint32_t fits) {
    const std::string where =
        fmt::format("host {} has an underlay of {} bytes", host.host.text(), host.underlay_mtu);
    out_.warnings.push_back(Finding{
        .code = Errc::conflict,
        .id = "small-underlay",
        .subject = "network." + network.name.text(),
        .message =
            uses_ipv6(network)
                ? fmt::format("{}, which carries packets of {}: the network's MTU stays {}, as IPv6 needs, "
                              "and larger packets to or from that host are lost",
                              where, fits, mtu_)
                : fmt::format("{}: the network's MTU falls to {} on all of its hosts", where, mtu_),
        .hint = fmt::format("raise the underlay's MTU on host {} to {} or more, then apply there",
                            host.host.text(), kLeastIpv6Mtu + host.underlay_mtu - fits)});
  }

  [[nodiscard]] std::uint32_t encapsulation() const {
    return self_->advertise->is_ipv4() ? kEncapsulationIpv4 : kEncapsulationIpv6;
  }

  // A sandbox has one filter, its bridge's. Where br_netfilter is in the kernel, every frame would pass the
  // hooks of IP too, whether anything is there or not: a seventh of a small packet's way.
  void skip_ip_filters(NamespaceObjects& sandbox) const {
    for (const std::string& path : in_.bridge_filters) {
      sandbox.sysctls.push_back(Sysctl{.path = path, .value = "0"});
    }
  }

  void add_bridge(NamespaceObjects& sandbox, const NetworkRecord& network, const std::string& what) {
    Link bridge{.name = device("br0"), .type = LinkType::bridge};
    bridge.mac = bridge_mac(network.gateways.front());
    bridge.mcast_snooping = false;
    bridge.stp = false;
    finish(bridge, mtu_, what + "/bridge");
    no_addrgen(bridge);
    sandbox.links.push_back(bridge);
    if (uses_ipv6(network)) switch_ipv6_on(sandbox, bridge.name);
    for (std::size_t i = 0; i < network.subnets.size(); ++i) {
      add_address(sandbox, bridge.name, network.gateways[i], network.subnets[i].length());
    }
    sandbox.links.push_back(vxlan(network, sending_device(network), network.vni, network.port));
    if (network.twin) {
      Link twin = vxlan(network, twin_device(network), network.twin->vni, network.twin->port);
      twin.port_flood = false;  // receives only
      sandbox.links.push_back(std::move(twin));
    }
  }

  [[nodiscard]] Link vxlan(const NetworkRecord& network, const IfName& name, Vni vni, UdpPort port) const {
    Link link{.name = name, .type = LinkType::vxlan};
    const bool first = name.view() == kVxlanDevices.front();
    link.mac =
        hashed_mac(fmt::format("vxlan\n{}\n{}{}", self_->id, network.id, first ? "" : "\n" + name.text()));
    link.master = device("br0");
    link.vni = vni;
    link.port = port;
    link.local = self_->bind ? self_->bind : self_->advertise;
    link.learning = false;
    link.proxy = true;
    link.ttl = kFullTtl;
    set_port(link, true, false);
    finish(link, mtu_, fmt::format("network/{}/vxlan", network.name.text()));
    no_addrgen(link);
    return link;
  }

  static void finish_marks(Link& link, std::string alias) {
    link.group = kLinkGroup;
    link.alias = std::move(alias);
  }

  void finish(Link& link, std::uint32_t mtu, std::string_view what) const {
    link.mtu = mtu;
    finish_marks(link, mark(what));
  }

  // A device with a smaller MTU has no IPv6, nor any of its settings (addrconf_notify()).
  static bool has_ipv6(std::uint32_t mtu) { return mtu >= kLeastIpv6Mtu; }

  static void no_addrgen(Link& link) {
    if (has_ipv6(*link.mtu)) link.addrgen = false;
  }

  // Nothing is learned on any port; `flood` is whether unknown unicast leaves through it.
  static void set_port(Link& link, bool flood, bool isolated) {
    link.port_learning = false;
    link.port_flood = flood;
    link.port_isolated = isolated;
  }

  static void add_address(NamespaceObjects& objects, const IfName& dev, const IpAddress& address,
                          std::uint8_t length) {
    objects.addresses.push_back(Address{.dev = dev,
                                        .address = IpInterface{.address = address, .length = length},
                                        .nodad = !address.is_ipv4()});
  }

  void add_remote(NamespaceObjects& sandbox, const NetworkRecord& network, const EndpointRecord& endpoint) {
    const HostRecord* host = in_.records.host(endpoint.host);
    if (host == nullptr || !host->advertise) {
      out_.waiting.push_back(fmt::format("endpoint.{}: its peer entries, until host {} has said its VTEP",
                                         endpoint.name.text(), endpoint.host.text()));
      return;
    }
    add_peer(sandbox, sending_device(network), endpoint, *host->advertise);
    if (network.twin) add_peer(sandbox, twin_device(network), endpoint, *host->advertise);
  }

  static void add_peer(NamespaceObjects& sandbox, const IfName& dev, const EndpointRecord& endpoint,
                       const IpAddress& vtep) {
    sandbox.fdb.push_back(Fdb{.dev = dev, .table = FdbTable::self, .mac = endpoint.mac, .vtep = vtep});
    for (const IpAddress& address : endpoint.addresses) {
      sandbox.neighbours.push_back(Neighbour{.dev = dev, .address = address, .mac = endpoint.mac});
    }
  }

  // ---- one local endpoint ------------------------------------------------------------------------

  FilteredPort add_local(const NetnsName& sandbox, const NetworkRecord& network,
                         const EndpointRecord& endpoint) {
    const std::string what = fmt::format("endpoint/{}/{}", network.name.text(), endpoint.name.text());
    const Link port = add_pair(sandbox, device("br0"), "veth", endpoint, endpoint.interface, what);
    finish_port(sandbox, port, mtu_, false, endpoint.mac);
    NamespaceObjects& inside = space(endpoint.netns, "endpoint/" + endpoint.name.text());
    finish_inside(inside, endpoint.interface, endpoint.mac, mtu_, what);
    add_ipv6(inside, endpoint);
    for (const IpAddress& address : endpoint.addresses)
      add_endpoint_address(inside, network, endpoint, address);
    add_sibling_routes(inside, network, endpoint);
    return FilteredPort{.port = port.name,
                        .mac = endpoint.mac,
                        .addresses = endpoint.addresses,
                        .any_link_local = endpoint.link_local == LinkLocal::any};
  }

  // The outer end of a veth pair, which is the one that is created.
  static Link add_pair(const NetnsName&, const IfName& bridge, std::string_view prefix,
                       const EndpointRecord& endpoint, const IfName& inner, const std::string& what) {
    Link port{.name = port_name(prefix, endpoint.id), .type = LinkType::veth};
    port.mac = hashed_mac("port\n" + what + "\n" + endpoint.id);
    port.master = bridge;
    port.peer = VethPeer{.netns = endpoint.netns, .name = inner};
    port.alias = what;
    return port;
  }

  void finish_port(const NetnsName& where, Link port, std::uint32_t mtu, bool isolated,
                   const MacAddress& inner_mac) {
    set_port(port, false, isolated);
    const std::string what = port.alias + "/port";
    finish(port, mtu, what);
    no_addrgen(port);
    NamespaceObjects& objects = out_.objects.at(where);
    objects.fdb.push_back(Fdb{.dev = port.name, .table = FdbTable::master, .mac = inner_mac});
    objects.links.push_back(std::move(port));
  }

  void finish_inside(NamespaceObjects& inside, const IfName& name, const MacAddress& mac, std::uint32_t mtu,
                     const std::string& what) const {
    Link link{.name = name, .type = LinkType::veth};
    link.mac = mac;
    link.master = IfName();  // whoever makes it a port takes its addresses out of use
    finish(link, mtu, what);
    inside.links.push_back(std::move(link));
    if (!has_ipv6(mtu)) return;
    inside.sysctls.push_back(
        Sysctl{.path = fmt::format("net/ipv6/conf/{}/accept_ra", name.view()), .value = "0"});
  }

  // A namespace may switch IPv6 off for new devices (container runtimes do, and a kernel started with
  // ipv6.disable_ipv6=1 in every new one); this one has addresses of it, which the kernel would refuse
  // (addrconf_add_dev()).
  static void add_ipv6(NamespaceObjects& inside, const EndpointRecord& endpoint) {
    const bool has =
        std::ranges::any_of(endpoint.addresses, [](const IpAddress& address) { return !address.is_ipv4(); });
    if (has) switch_ipv6_on(inside, endpoint.interface);
  }

  static void switch_ipv6_on(NamespaceObjects& where, const IfName& dev) {
    where.sysctls.push_back(
        Sysctl{.path = fmt::format("net/ipv6/conf/{}/disable_ipv6", dev.view()), .value = "0"});
  }

  static void add_endpoint_address(NamespaceObjects& inside, const NetworkRecord& network,
                                   const EndpointRecord& endpoint, const IpAddress& address) {
    for (const IpPrefix& subnet : network.subnets) {
      if (subnet.contains(address)) add_address(inside, endpoint.interface, address, subnet.length());
    }
  }

  // The network's other subnets are on the same segment.
  static void add_sibling_routes(NamespaceObjects& inside, const NetworkRecord& network,
                                 const EndpointRecord& endpoint) {
    for (const IpPrefix& subnet : network.subnets) {
      const bool mine = std::ranges::any_of(
          endpoint.addresses, [&](const IpAddress& address) { return subnet.contains(address); });
      const bool family = std::ranges::any_of(
          endpoint.addresses, [&](const IpAddress& address) { return address.family() == subnet.family(); });
      if (mine || !family) continue;
      inside.routes.push_back(Route{.destination = subnet,
                                    .metric = subnet.family() == Family::ipv6 ? 1024u : 0u,
                                    .dev = endpoint.interface});
    }
  }

  // ---- the way out -------------------------------------------------------------------------------

  void add_gateway() {
    if (!self_->gateway_pool) return;
    std::vector<FilteredPort> filtered;
    std::set<NetnsName> done;
    for (const EndpointRecord& endpoint : in_.records.endpoints) {
      if (endpoint.host != in_.host || !sees_outside(endpoint)) continue;
      if (done.insert(endpoint.netns).second) filtered.push_back(add_way_out(endpoint));
    }
    if (filtered.empty()) return;
    add_gateway_bridge();
    warn_of_resolver();
    check_pool();
    out_.objects.at(NetnsName()).nft_tables.push_back(port_filter(mark("gateway"), filtered));
  }

  // The host would answer for the addresses of the pool, and keep for itself what is sent to them.
  void check_pool() {
    const std::string held = held_by_pool(*self_->gateway_pool, in_);
    if (held.empty()) return;
    out_.problems.push_back(
        Finding{.code = Errc::guard,
                .id = "pool-in-use",
                .subject = "host." + in_.host.text(),
                .message = fmt::format("its gateway pool {} {}", self_->gateway_pool->text(), held),
                .hint = "declare a gateway_pool of this host that nothing else uses"});
  }

  // Where an endpoint of the network has a way out, which its subnets take something from.
  void check_subnets(const NetworkRecord& network) {
    const bool matters = std::ranges::any_of(endpoints_of(network.name), [&](const EndpointRecord& endpoint) {
      return endpoint.host == in_.host && sees_outside(endpoint);
    });
    if (!matters) return;
    if (!subnets_) subnets_.emplace(in_, *self_);
    subnets_->check(network, out_.problems, out_.warnings);
  }

  [[nodiscard]] std::uint32_t gateway_mtu() const {
    return facts_ == nullptr ? kGatewayMtu : std::min(kGatewayMtu, facts_->underlay_mtu);
  }

  FilteredPort add_way_out(const EndpointRecord& endpoint) {
    const IpPrefix& pool = *self_->gateway_pool;
    const std::string what = fmt::format("endpoint/{}/gateway", endpoint.name.text());
    const MacAddress mac = MacAddress::from_ipv4(*endpoint.gateway_address);
    const Link port =
        add_pair(NetnsName(), device(kGatewayBridge), "ovlg", endpoint, *endpoint.gateway_interface, what);
    finish_port(NetnsName(), port, gateway_mtu(), true, mac);
    NamespaceObjects& inside = out_.objects.at(endpoint.netns);
    finish_inside(inside, *endpoint.gateway_interface, mac, gateway_mtu(), what);
    add_address(inside, *endpoint.gateway_interface, *endpoint.gateway_address, pool.length());
    inside.routes.push_back(
        Route{.destination = IpPrefix::masked(IpAddress::from_bytes(Family::ipv4, "\0\0\0\0"), 0),
              .dev = *endpoint.gateway_interface,
              .via = default_gateway(pool)});
    return FilteredPort{.port = port.name,
                        .mac = mac,
                        .addresses = {*endpoint.gateway_address},
                        .any_link_local = endpoint.link_local == LinkLocal::any};
  }

  void add_gateway_bridge() {
    const IpPrefix& pool = *self_->gateway_pool;
    NamespaceObjects& host = out_.objects.at(NetnsName());
    Link bridge{.name = device(kGatewayBridge), .type = LinkType::bridge};
    bridge.mac = MacAddress::from_ipv4(default_gateway(pool));
    bridge.mcast_snooping = false;
    bridge.stp = false;
    finish(bridge, gateway_mtu(), "gateway/bridge");
    no_addrgen(bridge);
    host.links.push_back(bridge);
    add_address(host, bridge.name, default_gateway(pool), pool.length());
    add_forwarding(host, bridge.name);
    for (const IfName& uplink : uplinks()) add_forwarding(host, uplink);
  }

  // Forwarding of these devices alone: the global switch would flip every device's and others' settings.
  static void add_forwarding(NamespaceObjects& host, const IfName& dev) {
    host.sysctls.push_back(
        Sysctl{.path = fmt::format("net/ipv4/conf/{}/forwarding", dev.view()), .value = "1"});
  }

  void warn_of_resolver() {
    if (facts_ == nullptr || !facts_->resolver || !facts_->resolver->lines.empty()) return;
    out_.warnings.push_back(Finding{
        .code = Errc::conflict,
        .id = "no-nameserver",
        .subject = "/etc/resolv.conf",
        .message = fmt::format("it names {}, this machine's own resolver, which no endpoint reaches, "
                               "and no server of IPv4 behind it: endpoints find no names of the outside",
                               facts_->resolver->stub.text()),
        .hint = "add a line \"nameserver ADDRESS\" with a server that others reach, then apply"});
  }

  [[nodiscard]] std::vector<IfName> uplinks() const {
    return facts_ == nullptr ? std::vector<IfName>() : facts_->uplinks;
  }

  // Each prefix that this host has a route to, and the devices of these routes.
  using Ways = std::map<IpPrefix, std::set<IfName>>;

  [[nodiscard]] Ways ways() const {
    Ways ways;
    if (facts_ == nullptr) return ways;
    for (const FactRoute& route : facts_->routes) ways[route.destination].insert(route.dev);
    return ways;
  }

  // The devices of the routes that contain an address, the longest prefix first.
  static std::vector<std::set<IfName>> devices_to(const Ways& ways, const IpAddress& address) {
    std::vector<std::set<IfName>> devices;
    for (int length = address.bits(); length > 0; --length) {
      const auto at = ways.find(IpPrefix::masked(address, static_cast<std::uint8_t>(length)));
      if (at != ways.end()) devices.push_back(at->second);
    }
    return devices;
  }

  // All by which some VTEP could be reached, this host's own too: its peers are there.
  [[nodiscard]] std::vector<IfName> underlays(const HostFilter& filter) const {
    std::vector<IfName> devices = uplinks();
    const Ways known = ways();
    for (const std::vector<IpAddress>* vteps : {&filter.vteps, &filter.own}) {
      for (const IpAddress& vtep : *vteps) {
        for (const std::set<IfName>& some : devices_to(known, vtep)) {
          devices.insert(devices.end(), some.begin(), some.end());
        }
      }
    }
    return devices;
  }

  // What is sent to this host's VTEP comes by the device that has its prefix. An answer that leaves by
  // another tells of ways that differ; how routers and other tables see it, nobody here knows.
  void warn_of_asymmetry() {
    const IpAddress& own = self_->bind ? *self_->bind : *self_->advertise;
    const Ways known = ways();
    const auto to_own = devices_to(known, own);
    if (to_own.empty()) return;
    const std::set<IfName>& here = to_own.front();
    for (const HostRecord& peer : in_.records.hosts) {
      if (peer.name == in_.host || !peer.advertise) continue;
      const auto to_peer = devices_to(known, *peer.advertise);
      const std::set<IfName> there = to_peer.empty()
                                         ? std::set<IfName>(facts_->uplinks.begin(), facts_->uplinks.end())
                                         : to_peer.front();
      const bool shared =
          std::ranges::any_of(there, [&](const IfName& device) { return here.contains(device); });
      if (there.empty() || shared) continue;
      out_.warnings.push_back(
          Finding{.code = Errc::conflict,
                  .id = "asymmetric-route",
                  .subject = "host." + peer.name.text(),
                  .message = fmt::format("this host's VTEP is on {}, and its answers to {} leave by {}",
                                         here.begin()->view(), peer.advertise->text(), there.begin()->view()),
                  .hint = fmt::format("route to it by {}, or set source_check = \"loose\" in [host.{}]",
                                      here.begin()->view(), in_.host.text())});
    }
  }

  // IPv4 and IPv6, as the host says and as its record does.
  [[nodiscard]] std::vector<IpAddress> addresses_of(const HostRecord& host) const {
    const HostFacts* known = in_.facts.host(host.name);
    std::vector<IpAddress> all = known == nullptr ? std::vector<IpAddress>() : known->addresses;
    if (host.advertise) all.push_back(*host.advertise);
    if (host.bind) all.push_back(*host.bind);
    return all;
  }

  // A server listens on all addresses of its host, as a rule. This host's own need no list.
  [[nodiscard]] std::vector<KeystoreAddress> keystores() const {
    const std::set<KeystoreAddress> named(in_.keystores.begin(), in_.keystores.end());
    std::set<KeystoreAddress> all = named;
    for (const HostRecord& host : in_.records.hosts) {
      if (host.name == in_.host) continue;
      const std::vector<IpAddress> addresses = addresses_of(host);
      for (const UdpPort& port : ports_at(named, addresses)) {
        for (const IpAddress& address : addresses) all.insert({address, port});
      }
    }
    return {all.begin(), all.end()};
  }

  static std::set<UdpPort> ports_at(const std::set<KeystoreAddress>& named,
                                    const std::vector<IpAddress>& addresses) {
    std::set<UdpPort> ports;
    for (const IpAddress& address : addresses) {
      for (auto at = named.lower_bound({address, {}}); at != named.end() && at->address == address; ++at) {
        ports.insert(at->port);
      }
    }
    return ports;
  }

  [[nodiscard]] std::vector<IpAddress> held_to_full_ttl(const std::vector<IpAddress>& vteps) const {
    std::vector<IpAddress> held;
    std::ranges::copy_if(vteps, std::back_inserter(held), [&](const IpAddress& vtep) {
      return std::ranges::binary_search(in_.full_ttl, vtep);
    });
    return held;
  }

  void add_networks(HostFilter& filter) const {
    std::set<UdpPort> ports;
    for (const NetworkRecord& network : in_.records.networks) {
      filter.cluster_vnis.push_back(network.vni);
      ports.insert(network.port);
      if (!network.twin) continue;
      filter.cluster_vnis.push_back(network.twin->vni);
      ports.insert(network.twin->port);
    }
    filter.vxlan_ports.assign(ports.begin(), ports.end());
  }

  void add_host_filter() {
    HostFilter filter{.owner = mark("host")};
    filter.vnis = vnis_;
    add_networks(filter);
    for (const HostRecord& host : in_.records.hosts) {
      if (!host.advertise || host.name == in_.host) continue;
      filter.vteps.push_back(*host.advertise);
      if (std::ranges::binary_search(in_.lost, host.name)) filter.lost.push_back(*host.advertise);
    }
    // Without endpoints it still has users and guests, who could send into the networks of others.
    if (vnis_.empty() && (filter.vteps.empty() || filter.vxlan_ports.empty())) return;
    filter.own.push_back(self_->bind ? *self_->bind : *self_->advertise);
    filter.ways = underlays(filter);
    // Where the address is translated, that may be this host's own doing.
    filter.tracked = in_.needs_states || self_->bind.has_value();
    if (self_->source_check == SourceCheck::loose) {
      filter.underlays = filter.ways;
    } else if (!vnis_.empty()) {
      warn_of_asymmetry();
    }
    if (self_->ttl_check != TtlCheck::off) filter.full_ttl = held_to_full_ttl(filter.vteps);
    const NamespaceObjects* host = out_.objects.find(NetnsName());
    if (host != nullptr && !host->links.empty()) {
      filter.gateway = GatewayFilter{.bridge = device(kGatewayBridge),
                                     .pool = *self_->gateway_pool,
                                     .uplinks = uplinks(),
                                     .keystores = keystores(),
                                     .opened = in_.opened};
    }
    out_.objects.at(NetnsName()).nft_tables.push_back(host_filter(filter));
  }

  // ---- names -------------------------------------------------------------------------------------

  void add_names() {
    for (const EndpointRecord& endpoint : in_.records.endpoints) {
      networks_[endpoint.name].push_back(endpoint.network);
    }
    std::set<NetnsName> done;
    for (const EndpointRecord& endpoint : in_.records.endpoints) {
      if (endpoint.host == in_.host && done.insert(endpoint.netns).second) add_hosts_file(endpoint);
    }
  }

  void add_hosts_file(const EndpointRecord& endpoint) {
    const std::string owner = mark("endpoint/" + endpoint.name.text());
    HostsFile file{.netns = endpoint.netns, .file = "hosts", .owner = owner};
    for (const Label& network : networks_.at(endpoint.name)) file.lines.add(names_of(network));
    check_hosts_file(file, endpoint);
    NamespaceObjects& inside = out_.objects.at(endpoint.netns);
    inside.hosts_files.push_back(std::move(file));
    add_resolv_conf(inside, endpoint, owner);
  }

  // The machine's own serves where there is a way out, unless it names what only the machine reaches.
  void add_resolv_conf(NamespaceObjects& inside, const EndpointRecord& endpoint, const std::string& owner) {
    HostsFile file{.netns = endpoint.netns, .file = "resolv.conf", .owner = owner};
    if (sees_outside(endpoint)) {
      const Resolver* resolver = facts_ != nullptr && facts_->resolver ? &*facts_->resolver : nullptr;
      if (resolver == nullptr || resolver->lines.empty()) return;
      for (const std::string& line : resolver->lines) file.lines.add_line(line);
    }
    inside.hosts_files.push_back(std::move(file));
  }

  void check_hosts_file(const HostsFile& file, const EndpointRecord& endpoint) {
    const std::size_t bytes = file.lines.bytes();
    if (file.lines.size() <= kMaxHostsFileLines && bytes <= kMaxHostsFileBytes) return;
    out_.problems.push_back(Finding{
        .code = Errc::conflict,
        .id = "hosts-file-too-large",
        .subject = "endpoint." + endpoint.name.text(),
        .message = fmt::format("its hosts file would have {} names and {} bytes, more than {} and {} MiB",
                               file.lines.size(), bytes, kMaxHostsFileLines, kMaxHostsFileBytes >> 20),
        .hint = "put fewer endpoints into its networks",
        .part = "endpoint " + endpoint.name.text()});
  }

  // Of all endpoints in a network: the same in the files of those that are here.
  std::shared_ptr<const HostLines::Part> names_of(const Label& network) {
    std::shared_ptr<const HostLines::Part>& known = names_[network];
    if (known == nullptr) known = std::make_shared<const HostLines::Part>(lines_of(network));
    return known;
  }

  [[nodiscard]] HostLines::Part lines_of(const Label& network) const {
    HostLines::Part out;
    for (const EndpointRecord& peer : endpoints_of(network)) {
      std::string names = fmt::format(" {} {}.{}", peer.name.text(), peer.name.text(), network.text());
      for (const Alias& alias : peer.aliases) names += " " + alias.text();
      for (const IpAddress& address : peer.addresses) out.add(address.text() + names);
    }
    return out;
  }

  const ProjectInput& in_;
  HostRecord as_it_is_;     // with the address that it has now
  const HostRecord* self_;  // nullptr: this host has no record
  const HostFacts* facts_;
  Projected out_;
  std::map<Label, std::vector<Label>> networks_;                   // of each endpoint's name, sorted
  std::map<Label, std::shared_ptr<const HostLines::Part>> names_;  // in each network
  std::optional<SubnetCheck> subnets_;                             // made when there is something to check
  std::uint32_t mtu_ = 0;
  std::vector<Vni> vnis_;
};

}  // namespace

Projected project(const ProjectInput& input) {
  return Projector(input).run();
}

std::optional<IpAddress> vtep_of(const HostRecord& host, const Records& records, const Facts& facts) {
  const HostFacts* own = facts.host(host.name);
  const bool follows = host.interface && !host.bind && own != nullptr && own->vtep;
  if (!follows || own->vtep == host.advertise) return host.advertise;
  const bool is_taken = std::ranges::any_of(records.hosts, [&](const HostRecord& other) {
    const bool has_it = other.name != host.name && other.advertise == own->vtep;
    return has_it || (other.gateway_pool && other.gateway_pool->contains(*own->vtep));
  });
  return is_taken ? host.advertise : own->vtep;
}

std::uint32_t effective_mtu(const NetworkRecord& network, const Records& records, const Facts& facts) {
  if (network.mtu) return network.mtu->number();
  std::uint32_t smallest = UINT32_MAX;
  for (const EndpointRecord& endpoint : endpoints_on(records, network.name)) {
    const HostFacts* known = facts.host(endpoint.host);
    if (known != nullptr) smallest = std::min(smallest, known->underlay_mtu);
  }
  const std::uint32_t mtu = (smallest == UINT32_MAX ? kGatewayMtu : smallest) - overhead_of(network, records);
  return uses_ipv6(network) ? std::max(mtu, kLeastIpv6Mtu) : mtu;
}

std::string owner_mark(const Label& cluster, std::string_view what) {
  return fmt::format("ovl:{}/{}", cluster.text(), what);
}

bool is_owner_mark(const Label& cluster, std::string_view mark) {
  return mark.starts_with("ovl:" + cluster.text() + "/");
}

}  // namespace ovl
