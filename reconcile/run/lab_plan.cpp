#include "reconcile/run/lab_plan.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "drivers/keystore/url.hpp"
#include "reconcile/objects/diff_objects.hpp"

namespace ovl {

namespace {

// sethostname() takes __NEW_UTS_LEN bytes.
constexpr std::size_t kLongestHostname = 64;
constexpr std::uint8_t kSegmentLength4 = 24;
constexpr std::uint8_t kSegmentLength6 = 64;
// RFC 5737 (TEST-NET-3) and RFC 3849: the rest of the world.
constexpr std::string_view kOutside4 = "203.0.113.0/24";
constexpr std::string_view kOutside6 = "2001:db8:cb00:7100::/64";

IpPrefix constant(std::string_view text) {
  const auto parsed = IpPrefix::parse_exact(text);
  return parsed.ok() ? parsed.value() : IpPrefix();
}

IpPrefix segment_of(const IpAddress& address) {
  return IpPrefix::masked(address, address.is_ipv4() ? kSegmentLength4 : kSegmentLength6);
}

Error refused(const HostBlock& host, std::string message, std::string hint, Errc code = Errc::usage) {
  return Error{.code = code,
               .message = fmt::format("host {}: {}", host.name.text(), message),
               .hint = std::move(hint)};
}

class Addressing {
 public:
  explicit Addressing(const Manifest& manifest) : manifest_(manifest) {}

  Status run(LabPlan& plan) {
    if (plan.server) server_ = plan.server->address.address;
    for (const HostBlock& host : manifest_.hosts) OVL_CHECK(check_name(host));
    for (const HostBlock& host : manifest_.hosts) OVL_CHECK(place_given(host));
    for (LabSegment& segment : segments_) {
      OVL_TRY(segment.router, free_address(segment));
    }
    for (const HostBlock& host : manifest_.hosts) OVL_CHECK(place_chosen(host));
    std::ranges::sort(segments_, {}, &LabSegment::subnet);
    std::ranges::sort(hosts_, {}, &LabHost::name);
    plan.segments = std::move(segments_);
    plan.hosts = std::move(hosts_);
    return {};
  }

 private:
  static Status check_name(const HostBlock& host) {
    if (host.name.text().size() <= kLongestHostname) return {};
    return refused(host, fmt::format("a hostname has at most {} bytes", kLongestHostname),
                   "give the host a shorter name");
  }

  // A host whose advertised address is in the manifest.
  Status place_given(const HostBlock& host) {
    const auto* address = std::get_if<IpAddress>(&host.advertise.value);
    if (address == nullptr) return {};
    if (host.bind) {
      return refused(host, "bind says that it is behind NAT, which the lab has not",
                     "leave bind out of the manifest that the lab runs", Errc::unsupported);
    }
    const IpPrefix subnet = segment_of(*address);
    if (subnet.overlaps(constant(kOutside4)) || subnet.overlaps(constant(kOutside6))) {
      return refused(host, fmt::format("{} is the lab's outside", subnet.text()), "use another address");
    }
    if (*address == subnet.address() || (address->is_ipv4() && *address == subnet.last())) {
      return refused(host, fmt::format("{} can't be a host's address in {}", address->text(), subnet.text()),
                     "use another address");
    }
    if (taken(*address) && *address != server_) {
      return refused(host, fmt::format("{} is another host's", address->text()), "use another address");
    }
    (void)segment_at(subnet);
    add(host.name, IfName::from_kernel("eth1"), {*address, subnet.length()});
    return {};
  }

  // A host that advertises an interface: the device has that name, the address is ours to choose.
  Status place_chosen(const HostBlock& host) {
    const auto* interface = std::get_if<IfName>(&host.advertise.value);
    if (interface == nullptr) return {};
    if (interface->view() == "lo") {
      return refused(host, "lo reaches no other host", "advertise an address or another interface");
    }
    OVL_TRY(const IpPrefix subnet, chosen_subnet());
    LabSegment& there = segment_at(subnet);
    if (there.router.empty()) {
      OVL_TRY(there.router, free_address(there));
    }
    OVL_TRY(const IpAddress address, free_address(there));
    add(host.name, *interface, {address, subnet.length()});
    return {};
  }

  void add(const HostName& name, const IfName& interface, const IpInterface& address) {
    hosts_.push_back(LabHost{.name = name, .interface = interface, .address = address});
  }

  // 192.168.99.0/24, or the next that no network of the manifest overlaps.
  [[nodiscard]] Result<IpPrefix> chosen_subnet() const {
    for (int third = 99; third < 255; ++third) {
      const IpPrefix candidate = constant(fmt::format("192.168.{}.0/24", third));
      const bool used = std::ranges::any_of(manifest_.networks, [&](const NetworkBlock& network) {
        return std::ranges::any_of(network.subnets,
                                   [&](const auto& subnet) { return subnet.value.overlaps(candidate); });
      });
      if (!used) return candidate;
    }
    return Error{.code = Errc::usage,
                 .message = "no subnet of 192.168.99.0 to 192.168.254.255 is left for the underlay",
                 .hint = "advertise addresses instead of interfaces"};
  }

  LabSegment& segment_at(const IpPrefix& subnet) {
    const auto at = std::ranges::find(segments_, subnet, &LabSegment::subnet);
    return at != segments_.end() ? *at : segments_.emplace_back(LabSegment{.subnet = subnet});
  }

  [[nodiscard]] bool taken(const IpAddress& address) const {
    const auto is_it = [&](const LabHost& host) { return host.address.address == address; };
    const auto routes_it = [&](const LabSegment& segment) { return segment.router == address; };
    return address == server_ || std::ranges::any_of(hosts_, is_it) ||
           std::ranges::any_of(segments_, routes_it);
  }

  [[nodiscard]] Result<IpAddress> free_address(const LabSegment& segment) const {
    const IpAddress end = segment.subnet.last();
    for (auto address = segment.subnet.address().plus(1); address && *address != end;
         address = address->plus(1)) {
      if (!taken(*address)) return *address;
    }
    return Error{
        .code = Errc::usage,
        .message = fmt::format("no address is left in {} for the lab's underlay", segment.subnet.text()),
        .hint = "advertise addresses of more than one subnet"};
  }

  const Manifest& manifest_;
  std::vector<LabSegment> segments_;
  std::vector<LabHost> hosts_;
  IpAddress server_;
};

Error no_server(const KeystoreUrl& url, std::string message, std::string hint) {
  return Error{
      .code = Errc::unsupported,
      .message = fmt::format("the lab can't start {} for {}: {}", store_name(url.kind), url.text(), message),
      .hint = std::move(hint)};
}

std::string_view binary_of(StoreKind kind) {
  switch (kind) {
    case StoreKind::sqlite: break;
    case StoreKind::etcd: return "etcd";
    case StoreKind::consul: return "consul";
    case StoreKind::zookeeper: return "zookeeper";
  }
  return {};
}

Status choose_server(const Manifest& manifest, const KeystoreUrl& url, LabPlan& plan) {
  if (url.servers.size() != 1) {
    return no_server(url, "it starts one server", "name one server in the URL that the lab is to run");
  }
  const KeystoreBlock& block = manifest.keystore;
  // ZooKeeper lets everybody be who knows a password (digest); the others would have to be told of users.
  const bool has_users = url.kind == StoreKind::zookeeper;
  if (block.tls_ca || block.tls_cert || block.token || (block.user && !has_users)) {
    return no_server(url, has_users ? "its server has no TLS" : "its servers have neither TLS nor users",
                     has_users ? "use allow_plaintext = true" : "use allow_plaintext = true and no secrets");
  }
  const StoreServer& server = url.servers.front();
  const auto address = IpAddress::parse(server.host);
  if (!address.ok() || address.value().is_loopback()) {
    return no_server(url, fmt::format("{} is no address on the hosts' network", server.host),
                     "give the server an address of its own, like 192.168.99.103");
  }
  plan.server = LabServer{.store = std::string(binary_of(url.kind)),
                          .address = {address.value(), segment_of(address.value()).length()},
                          .port = server.port};
  return {};
}

Status choose_keystore(const Manifest& manifest, LabPlan& plan) {
  plan.keystore = manifest.keystore.url.value;
  OVL_TRY(const KeystoreUrl url, parse_keystore_url(plan.keystore));
  if (url.kind != StoreKind::sqlite) return choose_server(manifest, url, plan);
  // The database and what SQLite keeps beside it in WAL mode: its log and the log's index.
  plan.shared_files = {url.path, url.path + "-shm", url.path + "-wal"};
  return {};
}

// On the host that has the address, else on a machine of its own in that host's segment.
Status place_server(LabPlan& plan) {
  if (!plan.server) return {};
  LabServer& server = *plan.server;
  const auto at = std::ranges::find_if(
      plan.hosts, [&](const LabHost& host) { return host.address.address == server.address.address; });
  if (at != plan.hosts.end()) {
    server.machine = at->name;
    return {};
  }
  const bool reachable = std::ranges::any_of(plan.segments, [&](const LabSegment& segment) {
    return segment.subnet.contains(server.address.address) && segment.router != server.address.address;
  });
  OVL_TRY(server.machine, HostName::parse(kLabKeystore));
  if (reachable) return {};
  return Error{.code = Errc::usage,
               .message = fmt::format("the keystore's address {} is in no host's network",
                                      server.address.address.text()),
               .hint = "choose one beside the hosts' own, which is not the router's"};
}

// ---- the network as objects ----------------------------------------------------------------------

NetnsName netns(std::string_view name) {
  auto parsed = NetnsName::parse(name);
  return parsed.ok() ? std::move(parsed).value() : NetnsName();
}

class Wiring {
 public:
  explicit Wiring(const LabPlan& lab) : lab_(lab) {}

  HostObjects run() {
    for (const LabNode& node : lab_nodes(lab_)) objects_.at(node.netns).netns = Netns{.name = node.netns};
    for (std::size_t i = 0; i < lab_.segments.size(); ++i) add_segment(lab_.segments[i], i);
    for (std::size_t i = 0; i < lab_.hosts.size(); ++i) add_host(lab_.hosts[i], i);
    if (lab_.server && lab_.server->machine.text() == kLabKeystore)
      add_host(server_host(), lab_.hosts.size());
    add_outside();
    objects_.sort();
    return std::move(objects_);
  }

 private:
  static IfName device(std::string_view stem, std::size_t number) {
    return IfName::from_kernel(fmt::format("{}{}", stem, number));
  }

  [[nodiscard]] std::size_t segment_index(const IpAddress& address) const {
    std::size_t i = 0;
    while (i < lab_.segments.size() && !lab_.segments[i].subnet.contains(address)) ++i;
    return i;
  }

  static Link plain(LinkType type, const IfName& name) {
    Link link{.name = name, .type = type};
    return link;
  }

  // One end in `where`, the other called `inner` in `there`.
  void add_pair(const NetnsName& where, Link outer, const NetnsName& there, const IfName& inner) {
    outer.peer = VethPeer{.netns = there, .name = inner};
    objects_.at(where).links.push_back(std::move(outer));
    objects_.at(there).links.push_back(plain(LinkType::veth, inner));
  }

  // Nothing on the switch has an address of its own.
  Link port(std::string_view stem, std::size_t number, std::size_t segment) {
    Link link = plain(LinkType::veth, device(stem, number));
    link.master = device("sw", segment);
    link.addrgen = false;
    return link;
  }

  void add_segment(const LabSegment& segment, std::size_t index) {
    Link bridge = plain(LinkType::bridge, device("sw", index));
    bridge.mcast_snooping = false;
    bridge.addrgen = false;
    objects_.at(switch_).links.push_back(bridge);
    const IfName lan = device("lan", index);
    add_pair(switch_, port("router", index, index), router_, lan);
    add_address(router_, lan, {segment.router, segment.subnet.length()});
    add_forwarding(segment.subnet.family());
  }

  void add_host(const LabHost& host, std::size_t index) {
    const NetnsName name = netns(host.name.text());
    const std::size_t segment = segment_index(host.address.address);
    add_pair(switch_, port("port", index, segment), name, host.interface);
    add_address(name, host.interface, host.address);
    add_default(name, host.interface, lab_.segments[segment].router);
    // A new namespace has the machine's own setting, which would let hosts forward.
    objects_.at(name).sysctls.push_back(Sysctl{.path = "net/ipv4/ip_forward", .value = "0"});
  }

  [[nodiscard]] LabHost server_host() const {
    return {.name = lab_.server->machine, .interface = device("eth", 1), .address = lab_.server->address};
  }

  void add_outside() {
    const IfName inner = device("eth", 0);
    const IfName outer = IfName::from_kernel("wan");
    add_pair(router_, plain(LinkType::veth, outer), outside_, inner);
    const bool ipv6 = std::ranges::any_of(
        lab_.segments, [](const LabSegment& segment) { return segment.subnet.family() == Family::ipv6; });
    for (const std::string_view text : {kOutside4, kOutside6}) {
      const IpPrefix subnet = constant(text);
      if (subnet.family() == Family::ipv6 && !ipv6) continue;
      const IpAddress world = *subnet.address().plus(1);
      const IpAddress router = *subnet.address().plus(2);
      add_address(outside_, inner, {world, subnet.length()});
      add_address(router_, outer, {router, subnet.length()});
      add_default(outside_, inner, router);
      add_forwarding(subnet.family());
    }
  }

  void add_address(const NetnsName& where, const IfName& dev, const IpInterface& address) {
    objects_.at(where).addresses.push_back(
        Address{.dev = dev, .address = address, .nodad = !address.address.is_ipv4()});
  }

  // Not our protocol number: ovl inside the host must not take the route for one of its own.
  void add_default(const NetnsName& where, const IfName& dev, const IpAddress& via) {
    constexpr std::uint8_t kStatic = 4;  // RTPROT_STATIC
    constexpr std::uint32_t kIpv6Metric = 1024;
    objects_.at(where).routes.push_back(Route{.destination = IpPrefix::masked(via, 0),
                                              .metric = via.is_ipv4() ? 0 : kIpv6Metric,
                                              .dev = dev,
                                              .via = via,
                                              .protocol = kStatic});
  }

  void add_forwarding(Family family) {
    const Sysctl forwarding{
        .path = family == Family::ipv4 ? "net/ipv4/ip_forward" : "net/ipv6/conf/all/forwarding",
        .value = "1"};
    auto& sysctls = objects_.at(router_).sysctls;
    if (std::ranges::find(sysctls, forwarding) == sysctls.end()) sysctls.push_back(forwarding);
  }

  const LabPlan& lab_;
  HostObjects objects_;
  const NetnsName switch_ = netns(kLabSwitch);
  const NetnsName router_ = netns(kLabRouter);
  const NetnsName outside_ = netns(kLabOutside);
};

}  // namespace

Result<LabPlan> plan_lab(const Manifest& manifest) {
  if (manifest.hosts.empty()) {
    return Error{.code = Errc::usage,
                 .message = "the manifest has no host, so there is no lab to start",
                 .hint = "add a [host.NAME] table"};
  }
  LabPlan plan{.cluster = manifest.cluster.value};
  OVL_CHECK(choose_keystore(manifest, plan));
  OVL_CHECK(Addressing(manifest).run(plan));
  OVL_CHECK(place_server(plan));
  return plan;
}

Plan plan_lab_network(const LabPlan& lab) {
  Plan plan{.scope = Scope::host, .cluster = lab.cluster};
  plan.desired = Wiring(lab).run();
  diff_objects(plan, {});
  return plan;
}

}  // namespace ovl
