#include <linux/if_bridge.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>

#include "drivers/kernel/links/link.hpp"

namespace ovl {

namespace {

// The bit of one field in Link's table.
template <class M>
constexpr FieldMask bit(M Link::*member) {
  FieldMask found = 0;
  FieldMask at = 1;
  for_each_field<Link>([&](const auto& field) {
    if constexpr (std::is_same_v<decltype(field.member), M Link::*>) {
      if (field.member == member) found = at;
    }
    at <<= 1;
  });
  return found;
}

constexpr FieldMask kVxlanData = bit(&Link::vni) | bit(&Link::port) | bit(&Link::local) |
                                 bit(&Link::learning) | bit(&Link::proxy) | bit(&Link::ttl);
constexpr FieldMask kBridgeData = bit(&Link::mcast_snooping) | bit(&Link::stp);
constexpr FieldMask kPortData =
    bit(&Link::port_learning) | bit(&Link::port_flood) | bit(&Link::port_isolated);
// What one RTM_NEWLINK sets on an existing device without knowing its type.
constexpr FieldMask kCommon =
    bit(&Link::mac) | bit(&Link::mtu) | bit(&Link::master) | bit(&Link::group) | bit(&Link::alias);
static_assert(bit(&Link::type) == 2 && bit(&Link::up) != 0, "the table holds what is looked up");

ifinfomsg flags_header(bool up) {
  return ifinfomsg{.ifi_flags = up ? unsigned{IFF_UP} : 0U, .ifi_change = IFF_UP};
}

bool has_port_data(const Link& link) {
  return link.port_learning || link.port_flood || link.port_isolated;
}

void put_vxlan(MessageQueue& queue, const Link& link, FieldMask fields) {
  const auto wants = [fields](FieldMask field) { return (fields & field) != 0; };
  if (link.vni && wants(bit(&Link::vni))) queue.put_u32(IFLA_VXLAN_ID, link.vni->number());
  if (link.port && wants(bit(&Link::port))) {
    queue.put_be16(IFLA_VXLAN_PORT, static_cast<std::uint16_t>(link.port->number()));
  }
  if (link.local && !link.local->empty() && wants(bit(&Link::local))) {
    queue.put(link.local->is_ipv4() ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6, *link.local);
  }
  if (link.learning && wants(bit(&Link::learning))) queue.put_flag(IFLA_VXLAN_LEARNING, *link.learning);
  if (link.proxy && wants(bit(&Link::proxy))) queue.put_flag(IFLA_VXLAN_PROXY, *link.proxy);
  if (link.ttl && wants(bit(&Link::ttl))) queue.put_u8(IFLA_VXLAN_TTL, *link.ttl);
}

void put_bridge(MessageQueue& queue, const Link& link, FieldMask fields) {
  if (link.mcast_snooping && (fields & bit(&Link::mcast_snooping)) != 0) {
    queue.put_flag(IFLA_BR_MCAST_SNOOPING, *link.mcast_snooping);
  }
  if (link.stp && (fields & bit(&Link::stp)) != 0) queue.put_u32(IFLA_BR_STP_STATE, *link.stp ? 1 : 0);
}

void put_port(MessageQueue& queue, const Link& link, FieldMask fields) {
  const auto put = [&](std::uint16_t type, FieldMask field, std::optional<bool> value) {
    if (value && (fields & field) != 0) queue.put_flag(type, *value);
  };
  put(IFLA_BRPORT_LEARNING, bit(&Link::port_learning), link.port_learning);
  put(IFLA_BRPORT_UNICAST_FLOOD, bit(&Link::port_flood), link.port_flood);
  put(IFLA_BRPORT_ISOLATED, bit(&Link::port_isolated), link.port_isolated);
}

void put_peer(MessageQueue& queue, const Link& link, const PeerBirth& birth) {
  const auto peer = queue.nest(VETH_INFO_PEER);
  queue.put_header(ifinfomsg{});
  queue.put_text(IFLA_IFNAME, birth.end.name.view());
  queue.put_u32(IFLA_GROUP, birth.link != nullptr ? birth.link->group : link.group);
  if (birth.netns_fd >= 0) queue.put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(birth.netns_fd));
  if (birth.link != nullptr && birth.link->mac) queue.put(IFLA_ADDRESS, *birth.link->mac);
  if (birth.link != nullptr && birth.link->mtu) queue.put_u32(IFLA_MTU, *birth.link->mtu);
}

void put_addrgen(MessageQueue& queue, bool on) {
  const auto families = queue.nest(IFLA_AF_SPEC);
  const auto inet6 = queue.nest(AF_INET6);
  queue.put_u8(IFLA_INET6_ADDR_GEN_MODE, on ? IN6_ADDR_GEN_MODE_EUI64 : IN6_ADDR_GEN_MODE_NONE);
}

void put_common(MessageQueue& queue, const Link& link, FieldMask fields, std::optional<int> master) {
  const auto wants = [fields](FieldMask field) { return (fields & field) != 0; };
  if (link.mac && wants(bit(&Link::mac))) queue.put(IFLA_ADDRESS, *link.mac);
  if (link.mtu && wants(bit(&Link::mtu))) queue.put_u32(IFLA_MTU, *link.mtu);
  if (link.master && wants(bit(&Link::master))) {
    queue.put_u32(IFLA_MASTER, static_cast<std::uint32_t>(master.value_or(0)));
  }
  if (wants(bit(&Link::group))) queue.put_u32(IFLA_GROUP, link.group);
  if (wants(bit(&Link::alias))) queue.put_text(IFLA_IFALIAS, link.alias);
}

void put_type_data(MessageQueue& queue, const Link& link, FieldMask fields) {
  const auto info = queue.nest(IFLA_LINKINFO);
  queue.put_text(IFLA_INFO_KIND, name_of(link.type));
  const auto data = queue.nest(IFLA_INFO_DATA);
  if (link.type == LinkType::vxlan) put_vxlan(queue, link, fields);
  if (link.type == LinkType::bridge) put_bridge(queue, link, fields);
}

void put_port_data(MessageQueue& queue, const Link& link, FieldMask fields) {
  const auto info = queue.nest(IFLA_LINKINFO);
  queue.put_text(IFLA_INFO_SLAVE_KIND, "bridge");
  const auto data = queue.nest(IFLA_INFO_SLAVE_DATA);
  put_port(queue, link, fields);
}

// A message to the device of this name; ifi_index 0 makes the kernel look it up (rtnl_dev_get()).
void start_named(MessageQueue& queue, const ifinfomsg& header, const IfName& name) {
  queue.start(RTM_NEWLINK, 0, header);
  queue.put_text(IFLA_IFNAME, name.view());
}

// In a message of its own: one with an attribute of a family that the device does not have yet, as it gets it
// with its MTU, is refused whole (validate_linkmsg(), inet6_validate_link_af()).
void start_addrgen(MessageQueue& queue, const Link& link, FieldMask fields) {
  if (!link.addrgen || (fields & bit(&Link::addrgen)) == 0) return;
  start_named(queue, ifinfomsg{}, link.name);
  put_addrgen(queue, *link.addrgen);
}

// A link goes up last when something must be set first: address generation, else it makes a
// link-local address, and port flags, else it learns. A veth end born with the other can't be born up.
bool born_up(const Link& link) {
  return link.up && !link.addrgen && !has_port_data(link);
}

// Kernel: a bridge keeps an MTU only when it is set later; one from its birth follows its ports
// (br_mtu_auto_adjust(), BROPT_MTU_SET_BY_USER). One that is set to what it is already does not count
// (dev_set_mtu_ext() returns early), so a bridge is born with another than it is to have.
std::uint32_t mtu_at_birth(const Link& link) {
  if (link.type != LinkType::bridge) return *link.mtu;
  return *link.mtu == ETH_DATA_LEN ? ETH_DATA_LEN - 1 : ETH_DATA_LEN;
}

}  // namespace

void write_link_create(MessageQueue& queue, const Link& link, const LinkBirth& birth) {
  queue.start(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, flags_header(born_up(link)));
  queue.put_text(IFLA_IFNAME, link.name.view());
  queue.put_u32(IFLA_GROUP, link.group);
  if (link.mac) queue.put(IFLA_ADDRESS, *link.mac);
  if (link.mtu) queue.put_u32(IFLA_MTU, mtu_at_birth(link));
  if (birth.netns_fd >= 0) queue.put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(birth.netns_fd));
  if (birth.master && birth.netns_fd < 0) {
    queue.put_u32(IFLA_MASTER, static_cast<std::uint32_t>(*birth.master));
  }
  const auto info = queue.nest(IFLA_LINKINFO);
  queue.put_text(IFLA_INFO_KIND, name_of(link.type));
  const auto data = queue.nest(IFLA_INFO_DATA);
  if (link.type == LinkType::vxlan) put_vxlan(queue, link, kVxlanData);
  if (link.type == LinkType::bridge) put_bridge(queue, link, kBridgeData);
  if (birth.peer) put_peer(queue, link, *birth.peer);
}

void write_link_finish(MessageQueue& queue, const Link& link, std::optional<int> master, bool whole) {
  FieldMask fields = bit(&Link::alias) | bit(&Link::addrgen);
  if (link.type == LinkType::bridge) fields |= bit(&Link::mtu);
  if (master) fields |= bit(&Link::master);
  if (whole) fields |= kCommon;
  start_named(queue, ifinfomsg{}, link.name);
  put_common(queue, link, fields, master);
  start_addrgen(queue, link, fields);
  if (!whole && born_up(link)) return;
  start_named(queue, flags_header(link.up), link.name);
  if (has_port_data(link)) put_port_data(queue, link, kPortData);
}

void write_link_update(MessageQueue& queue, const Link& link, FieldMask changed, std::optional<int> master) {
  if ((changed & kCommon) != 0) {
    start_named(queue, ifinfomsg{}, link.name);
    put_common(queue, link, changed, master);
  }
  start_addrgen(queue, link, changed);
  if ((changed & (kVxlanData | kBridgeData)) != 0) {
    start_named(queue, ifinfomsg{}, link.name);
    put_type_data(queue, link, changed);
  }
  if ((changed & kPortData) != 0) {
    start_named(queue, ifinfomsg{}, link.name);
    put_port_data(queue, link, changed);
  }
  if ((changed & bit(&Link::up)) != 0) start_named(queue, flags_header(link.up), link.name);
}

void write_link_remove(MessageQueue& queue, const IfName& name) {
  queue.start(RTM_DELLINK, 0, ifinfomsg{}, IfAbsent::succeed);
  queue.put_text(IFLA_IFNAME, name.view());
}

void write_loopback(MessageQueue& queue, std::optional<std::string_view> alias, std::optional<bool> up) {
  start_named(queue, up ? flags_header(*up) : ifinfomsg{}, IfName::from_kernel("lo"));
  if (alias) queue.put_text(IFLA_IFALIAS, *alias);
}

}  // namespace ovl
