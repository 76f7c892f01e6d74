#include "drivers/fake/fake_kernel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "model/plan/wanted_prefixes.hpp"

namespace ovl {

namespace {

Error refused(int number, std::string message) {
  const bool exists = number == EEXIST;
  return Error{
      .code = exists ? Errc::conflict : Errc::kernel, .message = std::move(message), .os_errno = number};
}

bool is_set(const ObjectRef& object) {
  return !std::holds_alternative<std::monostate>(object);
}

template <class K>
auto find_in(std::vector<K>& items, const K& like) {
  const auto at =
      std::ranges::lower_bound(items, like, [](const K& a, const K& b) { return a.key() < b.key(); });
  return at != items.end() && at->key() == like.key() ? at : items.end();
}

template <class K>
void insert_sorted(std::vector<K>& items, K item) {
  const auto at =
      std::ranges::lower_bound(items, item, [](const K& a, const K& b) { return a.key() < b.key(); });
  items.insert(at, std::move(item));
}

Link* find_link(NamespaceObjects& space, const IfName& name) {
  const auto at = std::ranges::lower_bound(space.links, name, {}, &Link::name);
  return at != space.links.end() && at->name == name ? &*at : nullptr;
}

// Which vector of a namespace a kind lives in.
template <class K>
std::vector<K>& items_of(NamespaceObjects& space) {
  if constexpr (std::is_same_v<K, NftTable>) return space.nft_tables;
  if constexpr (std::is_same_v<K, Link>) return space.links;
  if constexpr (std::is_same_v<K, Sysctl>) return space.sysctls;
  if constexpr (std::is_same_v<K, Address>) return space.addresses;
  if constexpr (std::is_same_v<K, Route>) return space.routes;
  if constexpr (std::is_same_v<K, Neighbour>) return space.neighbours;
  if constexpr (std::is_same_v<K, Fdb>) return space.fdb;
  if constexpr (std::is_same_v<K, HostsFile>) return space.hosts_files;
}

bool on_device(const std::string& path, const IfName& dev) {
  return path.find("/conf/" + dev.text() + "/") != std::string::npos;
}

// What the kernel gives a device that nobody said anything about.
void fill_defaults(Link& link) {
  if (!link.mtu) link.mtu = 1500;
  if (!link.master) link.master = IfName();
  if (!link.addrgen) link.addrgen = true;
  if (!link.mac) link.mac = MacAddress({0x06, 0, 0, 0, 0, 1});
}

// The bit of Link's field `master`.
constexpr FieldMask mask_of_master() {
  FieldMask found = 0;
  FieldMask bit = 1;
  for_each_field<Link>([&](const auto& field) {
    if (field.name == "master") found = bit;
    bit <<= 1;
  });
  return found;
}

constexpr FieldMask kMaster = mask_of_master();

void leave_bridge(Link& link) {
  link.master = IfName();
  link.port_learning.reset();
  link.port_flood.reset();
  link.port_isolated.reset();
}

class Machine {
 public:
  // birth: of what is made now; no other has it.
  Machine(HostObjects& objects, std::uint64_t birth) : objects_(objects), birth_(birth) {}

  // ---- namespaces --------------------------------------------------------------------------------

  Status create(const NetnsName&, const Netns& netns) {
    NamespaceObjects& space = objects_.at(netns.name);
    const bool there = space.netns && !space.netns->unfinished;
    if (there) return refused(EEXIST, "netns " + netns.name.text() + " exists");
    space.netns = netns;
    space.netns->born = fmt::format("boot {}", birth_);
    return {};
  }

  Status update(const NetnsName& where, const Netns& netns, FieldMask changed) {
    NamespaceObjects& space = objects_.at(where);
    if (!space.netns) return refused(ENOENT, "netns " + where.text() + " is not there");
    if ((changed & fields_with<Netns>(Role::mark)) != 0) space.netns->owner = netns.owner;
    space.netns->lo_up = netns.lo_up;
    return {};
  }

  Status remove(const NetnsName& where, const Netns&) {
    NamespaceObjects& space = objects_.at(where);
    const std::vector<Link> links = space.links;
    for (const Link& link : links) remove_link(where, link.name);
    NamespaceObjects& emptied = objects_.at(where);
    emptied = NamespaceObjects{.name = where, .hosts_files = std::move(emptied.hosts_files)};
    return {};
  }

  // ---- links -------------------------------------------------------------------------------------

  Status create(const NetnsName& where, const Link& link) {
    OVL_CHECK(require_space(where));
    Link* there = find_link(objects_.at(where), link.name);
    // The inner end of a pair is there already, with its group and nothing else.
    const bool born = there != nullptr && there->type == LinkType::veth && there->alias.empty() && !link.peer;
    if (there != nullptr && !born) return refused(EEXIST, "link " + link.name.text() + " exists");
    if (link.vni && vni_taken(link))
      return refused(EEXIST, "A VXLAN device with the specified VNI already exists.");
    if (link.master && !link.master->empty() && find_link(objects_.at(where), *link.master) == nullptr) {
      return refused(ENODEV, "master " + link.master->text() + " is not there");
    }
    if (born) return set_born(*there, link);
    if (link.peer) OVL_CHECK(create_peer(where, link));
    Link made = link;
    fill_defaults(made);
    add_link(objects_.at(where), std::move(made));
    return {};
  }

  Status update(const NetnsName& where, const Link& link, FieldMask changed) {
    Link* there = find_link(objects_.at(where), link.name);
    if (there == nullptr) return refused(ENODEV, "link " + link.name.text() + " is not there");
    const auto mac = there->mac;
    const auto master = there->master;
    const bool was_up = there->up;
    set_fields(*there, link, changed & kMaster);
    if (there->master != master) change_bridge(objects_.at(where), *there);
    set_fields(*there, link, changed);
    if (there->mac != mac || (was_up && !there->up)) flush_neighbours(objects_.at(where), link.name);
    if (was_up && !there->up) take_down(objects_.at(where), link.name);
    return {};
  }

  Status remove(const NetnsName& where, const Link& link) {
    remove_link(where, link.name);
    return {};
  }

  // ---- everything that is a plain entry ------------------------------------------------------------

  // A value is written over the one that came with the device.
  Status create(const NetnsName& where, const Sysctl& sysctl) {
    OVL_CHECK(require_space(where));
    std::vector<Sysctl>& sysctls = objects_.at(where).sysctls;
    std::erase_if(sysctls, [&](const Sysctl& now) { return now.path == sysctl.path; });
    insert_sorted(sysctls, sysctl);
    return {};
  }

  // fib_check_nh(), ip6_route_check_nh(): a gateway is where a route of its device leads.
  Status create(const NetnsName& where, const Route& route) {
    OVL_CHECK(require_device(where, route));
    const bool leads = route.via.empty() || reaches(objects_.at(where), route.dev, route.via);
    if (!leads) return refused(ENETUNREACH, "Nexthop has invalid gateway.");
    return create<Route>(where, route);
  }

  template <class K>
  Status create(const NetnsName& where, const K& item) {
    NamespaceObjects& space = objects_.at(where);
    OVL_CHECK(require_device(where, item));
    if (is_taken(space, item)) return refused(EEXIST, fmt::format("{} exists", K::kind));
    insert_sorted(items_of<K>(space), item);
    return {};
  }

  template <class K>
  Status update(const NetnsName& where, const K& item, FieldMask) {
    NamespaceObjects& space = objects_.at(where);
    const auto at = find_in(items_of<K>(space), item);
    if (at == items_of<K>(space).end()) return refused(ENOENT, fmt::format("{} is not there", K::kind));
    *at = item;
    return {};
  }

  template <class K>
  Status remove(const NetnsName& where, const K& item) {
    NamespaceObjects& space = objects_.at(where);
    const auto at = find_in(items_of<K>(space), item);
    if (at != items_of<K>(space).end()) items_of<K>(space).erase(at);
    if constexpr (std::is_same_v<K, Address>) after_address(space, item);
    return {};
  }

 private:
  static bool reaches(const NamespaceObjects& space, const IfName& dev, const IpAddress& to) {
    return std::ranges::any_of(space.addresses, [&](const Address& a) {
      const IpPrefix subnet = IpPrefix::masked(a.address.address, a.address.length);
      return a.dev == dev && !lacks_subnet(a.routes) && subnet.contains(to);
    });
  }

  template <class K>
  static bool is_taken(NamespaceObjects& space, const K& item) {
    return find_in(items_of<K>(space), item) != items_of<K>(space).end();
  }

  // fdb_add_entry(): a bridge has one entry per MAC, whatever the port.
  static bool is_taken(NamespaceObjects& space, const Fdb& item) {
    if (item.table == FdbTable::self) return is_taken<Fdb>(space, item);
    const auto bridge = [&](const IfName& port) {
      const Link* link = find_link(space, port);
      return link != nullptr ? link->master : std::nullopt;
    };
    return std::ranges::any_of(space.fdb, [&](const Fdb& there) {
      return there.table == FdbTable::master && there.mac == item.mac &&
             bridge(there.dev) == bridge(item.dev);
    });
  }

  Status require_space(const NetnsName& where) {
    if (where.empty() || objects_.at(where).netns) return {};
    return refused(ENOENT, "netns " + where.text() + " is not there");
  }

  template <class K>
  Status require_device(const NetnsName& where, const K& item) {
    if constexpr (std::is_same_v<K, HostsFile>) {
      return {};
    } else {
      OVL_CHECK(require_space(where));
    }
    if constexpr (requires { item.dev; }) {
      if (find_link(objects_.at(where), item.dev) == nullptr) {
        return refused(ENODEV, "link " + item.dev.text() + " is not there");
      }
    }
    return {};
  }

  Status create_peer(const NetnsName& where, const Link& link) {
    OVL_CHECK(require_space(link.peer->netns));
    if (find_link(objects_.at(link.peer->netns), link.peer->name) != nullptr) {
      return refused(EEXIST, "peer " + link.peer->text() + " exists");
    }
    Link inner{.name = link.peer->name, .type = LinkType::veth, .up = false};
    inner.peer = VethPeer{.netns = where, .name = link.name};
    inner.group = link.group;
    fill_defaults(inner);
    add_link(objects_.at(link.peer->netns), std::move(inner));
    return {};
  }

  // A device is born with IPv6 (ipv6_devconf_dflt).
  static void add_link(NamespaceObjects& space, Link link) {
    insert_sorted(
        space.sysctls,
        Sysctl{.path = fmt::format("net/ipv6/conf/{}/disable_ipv6", link.name.view()), .value = "0"});
    insert_sorted(space.links, std::move(link));
  }

  static Status set_born(Link& there, const Link& wish) {
    const auto peer = there.peer;
    there = wish;
    there.peer = peer;
    fill_defaults(there);
    return {};
  }

  static void set_fields(Link& there, const Link& wish, FieldMask changed) {
    FieldMask bit = 1;
    for_each_field<Link>([&](const auto& field) {
      if ((changed & bit) != 0) there.*field.member = wish.*field.member;
      bit <<= 1;
    });
  }

  [[nodiscard]] bool vni_taken(const Link& link) const {
    return std::ranges::any_of(objects_.namespaces, [&](const NamespaceObjects& space) {
      return std::ranges::any_of(
          space.links, [&](const Link& other) { return other.vni == link.vni && other.port == link.port; });
    });
  }

  // fib_inetaddr_event(): a device without an IPv4 address has no IPv4 routes.
  static void after_address(NamespaceObjects& space, const Address& gone) {
    if (!gone.address.address.is_ipv4()) return;
    const bool last = std::ranges::none_of(
        space.addresses, [&](const Address& a) { return a.dev == gone.dev && a.address.address.is_ipv4(); });
    if (!last) return;
    std::erase_if(space.routes,
                  [&](const Route& r) { return r.dev == gone.dev && r.destination.address().is_ipv4(); });
  }

  static void flush_neighbours(NamespaceObjects& space, const IfName& dev) {
    std::erase_if(space.neighbours, [&](const Neighbour& n) { return n.dev == dev; });
  }

  // br_del_if(), new_nbp(): a port has its entries and settings in one bridge.
  static void change_bridge(NamespaceObjects& space, Link& port) {
    const std::optional<IfName> master = port.master;
    leave_bridge(port);
    leave_table(space, port.name);
    if (!master || master->empty()) return;
    port.master = master;
    port.port_learning = true;
    port.port_flood = true;
    port.port_isolated = false;
  }

  // br_fdb_delete_by_port()
  static void leave_table(NamespaceObjects& space, const IfName& port) {
    std::erase_if(space.fdb, [&](const Fdb& f) { return f.dev == port && f.table == FdbTable::master; });
  }

  // fib_sync_down_dev(), addrconf_ifdown(): routes go, and IPv6 addresses too (keep_addr_on_down is 0).
  static void take_down(NamespaceObjects& space, const IfName& dev) {
    std::erase_if(space.routes, [&](const Route& r) { return r.dev == dev; });
    std::erase_if(space.addresses,
                  [&](const Address& a) { return a.dev == dev && !a.address.address.is_ipv4(); });
  }

  // A device takes everything that stands on it along, and a veth its other end.
  void remove_link(const NetnsName& where, const IfName& name) {
    NamespaceObjects& space = objects_.at(where);
    const Link* there = find_link(space, name);
    if (there == nullptr) return;
    const std::optional<VethPeer> peer = there->peer;
    std::erase_if(space.links, [&](const Link& link) { return link.name == name; });
    std::erase_if(space.addresses, [&](const Address& a) { return a.dev == name; });
    std::erase_if(space.routes, [&](const Route& r) { return r.dev == name; });
    std::erase_if(space.fdb, [&](const Fdb& f) { return f.dev == name; });
    std::erase_if(space.sysctls, [&](const Sysctl& s) { return on_device(s.path, name); });
    flush_neighbours(space, name);
    for (Link& port : space.links) {
      if (port.master != name) continue;
      leave_bridge(port);
      leave_table(space, port.name);
    }
    if (peer) remove_link(peer->netns, peer->name);
  }

  HostObjects& objects_;
  std::uint64_t birth_;
};

struct Perform {
  Machine& machine;
  const Operation& operation;

  Status operator()(std::monostate) const {
    return Error{.code = Errc::bug, .message = "an operation without object"};
  }

  template <class K>
  Status operator()(const K* object) const {
    if (!is_set(operation.after)) return machine.remove(*operation.netns, *object);
    if (!is_set(operation.before)) return machine.create(*operation.netns, *object);
    return machine.update(*operation.netns, *object, operation.changed);
  }
};

template <class K>
void keep_wanted(std::vector<K>& items, const std::vector<K>& wanted) {
  std::erase_if(items, [&](const K& item) {
    return !std::ranges::any_of(wanted, [&](const K& wish) { return wish.key() == item.key(); });
  });
}

bool is_regarded(const NamespaceObjects& wanted, const IfName& dev) {
  return std::ranges::any_of(wanted.links,
                             [&](const Link& link) { return link.name == dev && carries_our_mark(link); });
}

bool is_ours(const NamespaceObjects& space, const NamespaceObjects& wanted, const IfName& dev) {
  const auto at = std::ranges::lower_bound(space.links, dev, {}, &Link::name);
  if (at == space.links.end() || at->name != dev) return false;
  return carries_our_mark(*at) || is_regarded(wanted, dev);
}

const Link* foreign_vni(const HostObjects& objects, const Link& wanted) {
  for (const NamespaceObjects& space : objects.namespaces) {
    for (const Link& link : space.links) {
      const bool same = link.vni && link.vni == wanted.vni && link.port == wanted.port;
      if (same && !carries_our_mark(link)) return &link;
    }
  }
  return nullptr;
}

// What a real observe() leaves out.
NamespaceObjects seen(const NamespaceObjects& space, const NamespaceObjects& wanted) {
  NamespaceObjects out = space;
  keep_wanted(out.sysctls, wanted.sysctls);
  std::erase_if(out.nft_tables, [](const NftTable& table) { return table.name != "ovl"; });
  std::erase_if(out.addresses, [&](const Address& a) { return !is_ours(space, wanted, a.dev); });
  const WantedPrefixes prefixes(wanted.addresses, wanted.routes);
  std::erase_if(out.routes, [&](const Route& r) {
    const bool in_place =
        std::ranges::any_of(wanted.routes, [&](const Route& w) { return w.key() == r.key(); });
    const bool hides = !is_ours(space, wanted, r.dev) && prefixes.hidden_by(r);
    return !in_place && !hides && r.protocol != kRouteProtocol && !is_regarded(wanted, r.dev);
  });
  std::erase_if(out.neighbours, [&](const Neighbour& n) { return !is_ours(space, wanted, n.dev); });
  std::erase_if(out.fdb, [&](const Fdb& f) { return !is_ours(space, wanted, f.dev); });
  std::erase_if(out.hosts_files, [](const HostsFile& file) { return file.owner.empty(); });
  return out;
}

}  // namespace

FakeKernel::FakeKernel() {
  objects_.at(NetnsName());
}

Result<std::vector<NetnsName>> FakeKernel::owned_namespaces() {
  std::vector<NetnsName> out;
  for (const NamespaceObjects& space : objects_.namespaces) {
    const bool cut_short =
        space.netns && space.netns->unfinished && space.name.text().starts_with(kSandboxPrefix);
    const bool marked = cut_short || (space.netns && space.netns->owner.starts_with("ovl:"));
    const bool holds =
        std::ranges::any_of(space.links, [](const Link& link) { return carries_our_mark(link); });
    if (!space.name.empty() && (marked || holds)) out.push_back(space.name);
  }
  return out;
}

Result<HostObjects> FakeKernel::observe(const HostObjects& wanted) {
  if (crashed_) return Error{.code = Errc::interrupted, .message = "the process is gone"};
  HostObjects out;
  for (const NamespaceObjects& wish : wanted.namespaces) {
    const NamespaceObjects* space = objects_.find(wish.name);
    const auto hidden = unreadable_.find(wish.name);
    const bool exists = space != nullptr && space->netns;
    if (exists && hidden != unreadable_.end() && !hidden->second.empty()) {
      out.namespaces.push_back(NamespaceObjects{.name = wish.name,
                                                .netns = Netns{.name = wish.name, .born = space->netns->born},
                                                .hosts_files = seen(*space, wish).hosts_files,
                                                .unreadable = hidden->second});
      continue;
    }
    out.namespaces.push_back(space != nullptr ? seen(*space, wish) : NamespaceObjects{.name = wish.name});
  }
  return out;
}

Result<HostFacts> FakeKernel::facts(const FactsRequest& request) {
  if (request.advertise && request.advertise == lacking_) {
    return Error{.code = Errc::conflict,
                 .message = fmt::format("the advertised address {} is not on this machine",
                                        request.advertise->text())};
  }
  HostFacts facts = facts_;
  facts.host = request.host;
  if (request.advertise) facts.vtep = request.advertise;
  const bool has_recorded =
      request.recorded && std::ranges::find(facts.addresses, *request.recorded) != facts.addresses.end();
  if (request.interface && has_recorded) facts.vtep = request.recorded;
  return facts;
}

Result<std::vector<TunnelObstacle>> FakeKernel::tunnel_obstacles(std::span<const Link> wanted) {
  std::vector<TunnelObstacle> out;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (const Link* other = foreign_vni(objects_, wanted[i])) {
      out.push_back({.index = i, .message = fmt::format("device {} has the VNI", other->name.view())});
      continue;
    }
    const auto at = wanted[i].port ? held_ports_.find(*wanted[i].port) : held_ports_.end();
    if (at == held_ports_.end() || at->second.empty()) continue;
    out.push_back({.index = i,
                   .is_port = true,
                   .message = fmt::format("{} holds UDP port {}", at->second, at->first.number())});
  }
  return out;
}

Result<bool> FakeKernel::is_shut_by_others() {
  return shut_by_others_;
}

Result<std::vector<NftTable>> FakeKernel::filters_of_others() {
  return filters_of_others_;
}

Result<std::optional<IfName>> FakeKernel::way_out(const IfName& /*bridge*/, const IpAddress& /*source*/) {
  return way_out_;
}

Result<std::vector<IpAddress>> FakeKernel::on_link(const IpAddress& /*source*/,
                                                   std::span<const IpAddress> addresses) {
  return on_link_ ? std::vector<IpAddress>(addresses.begin(), addresses.end()) : std::vector<IpAddress>();
}

ApplyOutcome FakeKernel::apply(std::span<const Operation> operations, Failures* failures) {
  for (std::size_t i = 0; i < operations.size(); ++i) {
    if (failures != nullptr && failures->leaves(operations[i])) continue;
    Status done = with_fault(operations[i]);
    if (!done.ok() && failures != nullptr && failures->take(operations[i], done.error())) continue;
    if (!done.ok()) return ApplyOutcome{.failed_at = i, .error = std::move(done).error()};
  }
  if (happens_) happens_(objects_);
  return {};
}

Status FakeKernel::with_fault(const Operation& operation) {
  if (crashed_) return Error{.code = Errc::interrupted, .message = "the process is gone"};
  const bool now = fault_ && fault_->nth == writes_;
  ++writes_;
  const auto refusal = refused_.find(*operation.netns);
  if (refusal != refused_.end() && refusal->second != 0) {
    return refused(refusal->second, "it is refused there");
  }
  if (!now) return perform(operation);
  fired_ = true;
  const KernelFault fault = *fault_;
  fault_.reset();
  if (fault.kind != KernelFault::Kind::before) OVL_CHECK(perform(operation));
  crashed_ = fault.kind == KernelFault::Kind::crash;
  return refused(fault.os_errno, "an injected fault");
}

Status FakeKernel::perform(const Operation& operation) {
  Machine machine(objects_, writes_);
  return std::visit(Perform{machine, operation},
                    is_set(operation.after) ? operation.after : operation.before);
}

Status FakeKernel::announce(std::span<const Announcement> announcements) {
  announcements_.insert(announcements_.end(), announcements.begin(), announcements.end());
  return {};
}

}  // namespace ovl
