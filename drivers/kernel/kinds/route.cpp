#include "drivers/kernel/kinds/route.hpp"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>
#include <tuple>

#include "model/plan/wanted_prefixes.hpp"

namespace ovl {

namespace {

// One of any table and type; `dev` is empty where there is no device.
struct RouteRow {
  Route route = {};
  std::uint32_t table = 0;
  std::uint8_t type = 0;  // RTN_*
  std::uint8_t tos = 0;
  const LinkRow* device = nullptr;
};

std::optional<RouteRow> parse_row(const MessageView& message, const LinkTable& links) {
  const auto header = message.family<rtmsg>();
  if (message.type() != RTM_NEWROUTE || !header) return std::nullopt;
  if ((header->rtm_flags & RTM_F_CLONED) != 0) return std::nullopt;
  const Attributes<RTA_MAX> attributes(message.attributes<rtmsg>());
  RouteRow row{.table = attributes[RTA_TABLE].as<std::uint32_t>().value_or(header->rtm_table),
               .type = header->rtm_type,
               .tos = header->rtm_tos,
               .device = links.find(attributes[RTA_OIF].as<std::int32_t>().value_or(0))};
  static constexpr std::array<std::uint8_t, 16> zero{};
  const IpAddress any =
      IpAddress::from_bytes(header->rtm_family == AF_INET ? Family::ipv4 : Family::ipv6, zero.data());
  const AttributeValue& destination = attributes[RTA_DST];
  Route& route = row.route;
  route.destination =
      IpPrefix::masked(destination.present() ? destination.as_address() : any, header->rtm_dst_len);
  route.metric = attributes[RTA_PRIORITY].as<std::uint32_t>().value_or(0);
  route.via = attributes[RTA_GATEWAY].as_address();
  route.protocol = header->rtm_protocol;
  if (row.device != nullptr) route.dev = row.device->link.name;
  return row;
}

// Of the main table: unicast ones, or (`any_type`) all that are for every packet; `dev` is empty for the
// others. One for a type of service alone stands beside ours (fib_find_alias()).
std::optional<Route> parse_route(const MessageView& message, const LinkTable& links, bool any_type) {
  auto row = parse_row(message, links);
  if (!row || row->table != RT_TABLE_MAIN) return std::nullopt;
  const bool unicast = row->type == RTN_UNICAST;
  if (!unicast && !any_type) return std::nullopt;
  if (any_type && row->tos != 0) return std::nullopt;
  if (!unicast) row->route.dev = {};
  return row->route;
}

// The devices of RTA_MULTIPATH: rtnexthop structs, each as long as it says.
std::vector<int> multipath_devices(std::span<const std::uint8_t> bytes) {
  std::vector<int> devices;
  while (const auto hop = AttributeValue(bytes).as<rtnexthop>()) {
    if (hop->rtnh_len < sizeof(rtnexthop) || hop->rtnh_len > bytes.size()) break;
    devices.push_back(hop->rtnh_ifindex);
    bytes = bytes.subspan(std::min<std::size_t>((hop->rtnh_len + 3U) & ~3U, bytes.size()));
  }
  return devices;
}

void add_route(std::vector<Route>& routes, const MessageView& message, const LinkTable& links,
               bool any_type) {
  const auto route = parse_route(message, links, any_type);
  if (!route) return;
  const Attributes<RTA_MAX> attributes(message.attributes<rtmsg>());
  if (!attributes[RTA_MULTIPATH].present()) return routes.push_back(*route);
  for (const int index : multipath_devices(attributes[RTA_MULTIPATH].bytes())) {
    routes.push_back(*route);
    if (const LinkRow* device = links.find(index)) routes.back().dev = device->link.name;
  }
}

void start_route(MessageQueue& queue, std::uint16_t type, std::uint16_t flags, const Route& route, int index,
                 IfAbsent if_absent) {
  const bool ipv4 = route.destination.family() == Family::ipv4;
  // An IPv4 route without a gateway must say that its destination is on the link; on removal
  // RT_SCOPE_NOWHERE matches any scope (fib_table_delete()).
  std::uint8_t scope = ipv4 && route.via.empty() ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  if (type == RTM_DELROUTE) scope = RT_SCOPE_NOWHERE;
  queue.start(type, flags,
              rtmsg{.rtm_family = static_cast<std::uint8_t>(ipv4 ? AF_INET : AF_INET6),
                    .rtm_dst_len = route.destination.length(),
                    .rtm_table = RT_TABLE_MAIN,
                    .rtm_protocol = route.protocol,
                    .rtm_scope = scope,
                    .rtm_type = RTN_UNICAST},
              if_absent);
  if (route.destination.length() > 0) queue.put(RTA_DST, route.destination.address());
  queue.put_u32(RTA_OIF, static_cast<std::uint32_t>(index));
  if (!route.via.empty()) queue.put(RTA_GATEWAY, route.via);
  if (route.metric != 0) queue.put_u32(RTA_PRIORITY, route.metric);
}

// One dump of each family, of one protocol; 0: of all.
template <class F>
Status dump_routes(NetlinkSocket& socket, std::uint8_t protocol, const F& f) {
  for (const int family : {AF_INET, AF_INET6}) {
    MessageQueue request;
    request.start(RTM_GETROUTE, 0,
                  rtmsg{.rtm_family = static_cast<std::uint8_t>(family), .rtm_protocol = protocol});
    auto answer = socket.dump(request);
    // A kernel without IPv6 has no such table.
    if (!answer.ok() && family == AF_INET6 && answer.error().os_errno == EOPNOTSUPP) break;
    OVL_TRY(const auto bytes, std::move(answer));
    for_each_message(bytes, f);
  }
  return {};
}

Result<std::vector<Route>> read_main_table(NetlinkSocket& socket, const LinkTable& links,
                                           std::uint8_t protocol, bool any_type) {
  std::vector<Route> routes;
  OVL_CHECK(dump_routes(socket, protocol,
                        [&](const MessageView& message) { add_route(routes, message, links, any_type); }));
  return routes;
}

std::optional<RouteType> held_type(std::uint8_t type) {
  switch (type) {
    case RTN_UNICAST: return RouteType::unicast;
    case RTN_BLACKHOLE: return RouteType::blackhole;
    case RTN_UNREACHABLE: return RouteType::unreachable;
    case RTN_PROHIBIT: return RouteType::prohibit;
    default: return std::nullopt;
  }
}

// What is no default route: some tools write that in two halves.
std::optional<HeldRoute> held_by(const RouteRow& row) {
  const Route& route = row.route;
  const auto type = held_type(row.type);
  const bool is_ours =
      route.protocol == kRouteProtocol || (row.device != nullptr && carries_our_mark(row.device->link));
  const bool is_told = row.table == RT_TABLE_MAIN && row.type == RTN_UNICAST;  // FactRoute
  if (!type || is_ours || is_told) return std::nullopt;
  if (!route.destination.address().is_ipv4() || route.destination.length() < 2) return std::nullopt;
  return HeldRoute{.destination = route.destination, .type = *type, .table = row.table};
}

}  // namespace

Result<HostRoutes> read_host_routes(NetlinkSocket& socket, const LinkTable& links) {
  HostRoutes out;
  OVL_CHECK(dump_routes(socket, RTPROT_UNSPEC, [&](const MessageView& message) {
    add_route(out.main, message, links, false);
    const auto row = parse_row(message, links);
    const auto held = row ? held_by(*row) : std::nullopt;
    if (held) out.held.push_back(*held);
  }));
  const auto key = [](const HeldRoute& route) {
    return std::tie(route.destination, route.table, route.type);
  };
  std::ranges::sort(out.held, {}, key);
  return out;
}

Result<std::vector<DroppingRoute>> read_dropping_routes(NetlinkSocket& socket, const LinkTable& links) {
  std::vector<DroppingRoute> out;
  OVL_CHECK(dump_routes(socket, RTPROT_UNSPEC, [&](const MessageView& message) {
    const auto row = parse_row(message, links);
    const auto type = row ? held_type(row->type) : std::nullopt;
    if (!type || *type == RouteType::unicast || row->tos != 0) return;
    out.push_back(DroppingRoute{.destination = row->route.destination, .table = row->table});
  }));
  return out;
}

namespace {

// Not what the kernel or a router's advertisement makes by itself.
bool is_made(const Route& route) {
  return route.protocol != RTPROT_KERNEL && route.protocol != RTPROT_RA;
}

bool stands_on_regarded(const LinkTable& links, const IfName& dev) {
  return std::ranges::any_of(links.rows(),
                             [&](const LinkRow& row) { return row.regarded && row.link.name == dev; });
}

// Of the routes that hide a prefix, or a part of one, the first of each. To be asked in the kernel's order.
class HidingRoutes {
 public:
  HidingRoutes(const WantedPrefixes& prefixes, const LinkTable& links) : prefixes_(prefixes) {
    for (const LinkRow& row : links.rows()) {
      if (links.find_ours(row.index) != nullptr) ours_.insert(row.link.name);
    }
  }

  bool take(const Route& route) {
    if (prefixes_.empty()) return false;
    const auto hidden = prefixes_.hidden_by(route);
    if (!hidden) return false;
    const std::pair key{route.destination, route.metric};
    if (route.protocol == kRouteProtocol || ours_.contains(route.dev)) {
      comes_first_.insert(key);
      return false;
    }
    if (hidden->whole && comes_first_.contains(key)) return false;
    return told_.insert(*hidden).second;
  }

 private:
  const WantedPrefixes& prefixes_;
  std::set<IfName> ours_;
  std::set<std::pair<IpPrefix, std::uint32_t>> comes_first_;  // where ours stands before others
  std::set<HiddenPrefix> told_;
};

bool takes_a_place(const std::vector<Route>& wanted, const Route& route) {
  return std::ranges::any_of(wanted, [&](const Route& wish) { return wish.key() == route.key(); });
}

}  // namespace

Result<std::vector<Route>> observe_routes(NetlinkSocket& socket, const LinkTable& links,
                                          const std::vector<Route>& wanted,
                                          const std::vector<Address>& addresses) {
  const WantedPrefixes prefixes(addresses, wanted);
  const bool regards = std::ranges::any_of(links.rows(), &LinkRow::regarded);
  const bool looks = !wanted.empty() || !prefixes.empty();
  OVL_TRY(
      auto routes,
      read_main_table(socket, links, regards || looks ? std::uint8_t{RTPROT_UNSPEC} : kRouteProtocol, looks));
  HidingRoutes hiding(prefixes, links);
  std::erase_if(routes, [&](const Route& route) {
    const bool hides = hiding.take(route);
    if (hides || takes_a_place(wanted, route)) return false;
    if (route.dev.empty()) return true;
    return route.protocol != kRouteProtocol && !(is_made(route) && stands_on_regarded(links, route.dev));
  });
  // Of one key ours comes first: what others appended stands behind it.
  // (clang 14 can't take the subrange that the ranges' algorithm answers.)
  std::stable_partition(routes.begin(), routes.end(),
                        [](const Route& route) { return route.protocol == kRouteProtocol; });
  std::ranges::stable_sort(routes, key_less<Route>);
  const auto same_key = [](const Route& a, const Route& b) { return a.key() == b.key(); };
  routes.erase(std::unique(routes.begin(), routes.end(), same_key), routes.end());
  return routes;
}

void write_route(MessageQueue& queue, int index, const Route& route, bool exclusive) {
  const std::uint16_t flags = NLM_F_CREATE | (exclusive ? NLM_F_EXCL : NLM_F_REPLACE);
  start_route(queue, RTM_NEWROUTE, flags, route, index, IfAbsent::fail);
}

void write_route_remove(MessageQueue& queue, int index, const Route& route) {
  start_route(queue, RTM_DELROUTE, 0, route, index, IfAbsent::succeed);
}

}  // namespace ovl
