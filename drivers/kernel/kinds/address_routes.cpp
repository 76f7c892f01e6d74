#include "drivers/kernel/kinds/address_routes.hpp"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <set>

namespace ovl {

namespace {

constexpr std::uint32_t kPrefixMetric = 256;  // IP6_RT_PRIO_ADDRCONF

IpPrefix subnet_of(const Address& address) {
  return IpPrefix::masked(address.address.address, address.address.length);
}

bool is_ipv4(const Address& address) {
  return address.address.address.is_ipv4();
}

// A single host's address has no subnet beside it; in IPv6 it has a route like others (fib_add_ifaddr()).
bool has_subnet(const Address& address) {
  return !is_ipv4(address) || address.address.length < 32;
}

// RFC 3021: two addresses leave none for it.
bool has_broadcast(const Address& address) {
  return is_ipv4(address) && address.address.length < 31;
}

// The kernel's own routes by which addresses of some devices are reached.
class KernelRoutes {
 public:
  explicit KernelRoutes(std::set<int> devices) : devices_(std::move(devices)) {}

  // IPv6's route to all groups has had more than one protocol number.
  Status read(NetlinkSocket& socket, std::uint8_t family) {
    const std::uint8_t protocol = family == AF_INET ? RTPROT_KERNEL : RTPROT_UNSPEC;
    MessageQueue request;
    request.start(RTM_GETROUTE, 0, rtmsg{.rtm_family = family, .rtm_protocol = protocol});
    OVL_TRY(const auto bytes, socket.dump(request));
    for_each_message(bytes, [&](const MessageView& message) { add(message); });
    return {};
  }

  [[nodiscard]] AddressRoutes of(const AddressRow& row) const {
    const Address& address = row.address;
    const IpPrefix subnet = subnet_of(address);
    const bool leads = !has_subnet(address) || subnets_.contains({row.index, subnet});
    const bool spreads = !has_broadcast(address) || broadcasts_.contains({row.index, subnet.last()});
    const bool is_own = !row.settled || own_.contains({row.index, address.address.address});
    const bool own = is_own && (is_ipv4(address) || groups_.contains(row.index));
    if (leads && spreads) return own ? AddressRoutes::complete : AddressRoutes::no_own;
    return own ? AddressRoutes::no_subnet : AddressRoutes::none;
  }

 private:
  void add(const MessageView& message) {
    const auto header = message.family<rtmsg>();
    if (message.type() != RTM_NEWROUTE || !header) return;
    const Attributes<RTA_MAX> attributes(message.attributes<rtmsg>());
    const int device = attributes[RTA_OIF].as<std::int32_t>().value_or(0);
    const IpAddress to = attributes[RTA_DST].as_address();
    if (to.empty() || !devices_.contains(device)) return;
    const auto table = attributes[RTA_TABLE].as<std::uint32_t>().value_or(header->rtm_table);
    const bool made_by_kernel = header->rtm_protocol == RTPROT_KERNEL;
    if (table == RT_TABLE_MAIN && header->rtm_type == RTN_UNICAST && made_by_kernel) {
      subnets_.insert({device, IpPrefix::masked(to, header->rtm_dst_len)});
    }
    if (table == RT_TABLE_LOCAL) add_local(*header, device, to);
  }

  void add_local(const rtmsg& header, int device, const IpAddress& to) {
    if (header.rtm_type == RTN_LOCAL) own_.insert({device, to});
    if (header.rtm_type == RTN_BROADCAST) broadcasts_.insert({device, to});
    if (!to.is_ipv4() && to.is_multicast() && header.rtm_dst_len == 8) groups_.insert(device);
  }

  std::set<int> devices_;
  std::set<std::pair<int, IpPrefix>> subnets_;
  std::set<std::pair<int, IpAddress>> own_;
  std::set<std::pair<int, IpAddress>> broadcasts_;
  std::set<int> groups_;  // devices that take packets for IPv6 groups (addrconf_add_mroute())
};

// Before what others have put in that place, which stays.
void start_ipv4(MessageQueue& queue, const rtmsg& route, int index, const IpAddress& to,
                const IpAddress& source) {
  rtmsg header = route;
  header.rtm_family = AF_INET;
  header.rtm_protocol = RTPROT_KERNEL;
  queue.start(RTM_NEWROUTE, NLM_F_CREATE, header);
  queue.put(RTA_DST, to);
  queue.put(RTA_PREFSRC, source);
  queue.put_u32(RTA_OIF, static_cast<std::uint32_t>(index));
}

// As fib_add_ifaddr() makes them, so that they go with the address (fib_del_ifaddr()). Its own one first: the
// others have it as their source (fib_valid_prefsrc()).
void write_ipv4(MessageQueue& queue, int index, const Address& before) {
  const IpAddress& own = before.address.address;
  const IpPrefix subnet = subnet_of(before);
  const auto put = [&](const rtmsg& route, const IpAddress& to) { start_ipv4(queue, route, index, to, own); };
  if (lacks_own(before.routes)) {
    put({.rtm_dst_len = 32, .rtm_table = RT_TABLE_LOCAL, .rtm_scope = RT_SCOPE_HOST, .rtm_type = RTN_LOCAL},
        own);
  }
  if (!lacks_subnet(before.routes)) return;
  if (has_subnet(before)) {
    put({.rtm_dst_len = subnet.length(),
         .rtm_table = RT_TABLE_MAIN,
         .rtm_scope = RT_SCOPE_LINK,
         .rtm_type = RTN_UNICAST},
        subnet.address());
  }
  if (has_broadcast(before)) {
    put({.rtm_dst_len = 32,
         .rtm_table = RT_TABLE_LOCAL,
         .rtm_scope = RT_SCOPE_LINK,
         .rtm_type = RTN_BROADCAST},
        subnet.last());
  }
}

// What somebody put in the very place of the kernel's route would be taken for it.
void remove_ipv6_subnet(MessageQueue& queue, int index, const Address& address) {
  queue.start(RTM_DELROUTE, 0,
              rtmsg{.rtm_family = AF_INET6,
                    .rtm_dst_len = address.address.length,
                    .rtm_table = RT_TABLE_MAIN,
                    .rtm_scope = RT_SCOPE_NOWHERE,
                    .rtm_type = RTN_UNICAST},
              IfAbsent::succeed);
  queue.put(RTA_DST, subnet_of(address).address());
  queue.put_u32(RTA_OIF, static_cast<std::uint32_t>(index));
  queue.put_u32(RTA_PRIORITY, kPrefixMetric);
}

// An address that is written once more gets the route to its subnet again (inet6_addr_modify()).
void write_ipv6(MessageQueue& queue, int index, const Address& before, const Address& after) {
  if (lacks_subnet(before.routes)) remove_ipv6_subnet(queue, index, after);
  if (lacks_own(before.routes)) write_address_remove(queue, index, before);
  write_address(queue, index, after, false);
}

}  // namespace

Status read_address_routes(NetlinkSocket& socket, const LinkTable& links, std::vector<AddressRow>& rows) {
  std::set<int> devices;
  for (const AddressRow& row : rows) {
    const LinkRow* device = links.find_ours(row.index);
    if (device != nullptr && device->link.up) devices.insert(row.index);
  }
  KernelRoutes routes(devices);
  for (const bool ipv4 : {true, false}) {
    const auto is_asked = [&](const AddressRow& row) {
      return is_ipv4(row.address) == ipv4 && !row.from_kernel && devices.contains(row.index);
    };
    if (std::ranges::none_of(rows, is_asked)) continue;
    OVL_CHECK(routes.read(socket, ipv4 ? AF_INET : AF_INET6));
    for (AddressRow& row : rows) {
      if (is_asked(row)) row.address.routes = routes.of(row);
    }
  }
  return {};
}

void write_address_routes(MessageQueue& queue, int index, const Address& before, const Address& after) {
  if (is_ipv4(after)) return write_ipv4(queue, index, before);
  write_ipv6(queue, index, before, after);
}

}  // namespace ovl
