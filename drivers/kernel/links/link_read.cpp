#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>

#include "drivers/kernel/links/link.hpp"

namespace ovl {

namespace {

using LinkAttributes = Attributes<IFLA_MAX>;

LinkType type_of(std::string_view kind) {
  for (std::size_t i = 1; i < EnumNames<LinkType>::names.size(); ++i) {
    if (EnumNames<LinkType>::names[i] == kind) return static_cast<LinkType>(i);
  }
  return LinkType::other;
}

void read_vxlan(Link& link, const AttributeValue& data) {
  const Attributes<IFLA_VXLAN_MAX> info(data.bytes());
  const auto vni = info[IFLA_VXLAN_ID].as<std::uint32_t>().value_or(0);
  if (vni >= Vni::min && vni <= Vni::max) link.vni = Vni::unchecked(vni);
  if (const auto port = info[IFLA_VXLAN_PORT].as_be16(); port && *port > 0) {
    link.port = UdpPort::unchecked(*port);
  }
  const AttributeValue& local4 = info[IFLA_VXLAN_LOCAL];
  const AttributeValue& local6 = info[IFLA_VXLAN_LOCAL6];
  if (local4.present() || local6.present()) link.local = (local4.present() ? local4 : local6).as_address();
  link.learning = info[IFLA_VXLAN_LEARNING].as_bool();
  link.proxy = info[IFLA_VXLAN_PROXY].as_bool();
  link.ttl = info[IFLA_VXLAN_TTL].as<std::uint8_t>();
}

// What makes a device receive otherwise (VXLAN_F_RCV_FLAGS). Flags are there or not, others 0 or 1.
void read_receiver(LinkRow& row, const AttributeValue& data) {
  const Attributes<IFLA_VXLAN_MAX> info(data.bytes());
  const auto is_on = [&](int type) {
    const AttributeValue& value = info[static_cast<std::size_t>(type)];
    return value.present() && value.as<std::uint8_t>().value_or(1) != 0;
  };
  row.over_ipv6 = info[IFLA_VXLAN_LOCAL6].present() || info[IFLA_VXLAN_GROUP6].present();
  row.shares_no_port = is_on(IFLA_VXLAN_GBP) || is_on(IFLA_VXLAN_GPE) || is_on(IFLA_VXLAN_COLLECT_METADATA) ||
                       is_on(IFLA_VXLAN_UDP_ZERO_CSUM6_RX) || is_on(IFLA_VXLAN_REMCSUM_RX);
}

std::vector<std::string> read_other_names(const AttributeValue& properties) {
  std::vector<std::string> names;
  for_each_attribute(properties.bytes(), [&](std::uint16_t type, std::span<const std::uint8_t> payload) {
    if (type == IFLA_ALT_IFNAME) names.emplace_back(AttributeValue(payload).as_text());
  });
  return names;
}

void read_bridge(Link& link, const AttributeValue& data) {
  const Attributes<IFLA_BR_MAX> info(data.bytes());
  link.mcast_snooping = info[IFLA_BR_MCAST_SNOOPING].as_bool();
  if (const auto state = info[IFLA_BR_STP_STATE].as<std::uint32_t>()) link.stp = *state != 0;
}

void read_port(Link& link, const AttributeValue& data) {
  const Attributes<IFLA_BRPORT_MAX> port(data.bytes());
  link.port_learning = port[IFLA_BRPORT_LEARNING].as_bool();
  link.port_flood = port[IFLA_BRPORT_UNICAST_FLOOD].as_bool();
  link.port_isolated = port[IFLA_BRPORT_ISOLATED].as_bool();
}

void read_link_info(Link& link, const AttributeValue& value) {
  const Attributes<IFLA_INFO_MAX> info(value.bytes());
  link.type = type_of(info[IFLA_INFO_KIND].as_text());
  if (link.type == LinkType::vxlan) read_vxlan(link, info[IFLA_INFO_DATA]);
  if (link.type == LinkType::bridge) read_bridge(link, info[IFLA_INFO_DATA]);
  if (info[IFLA_INFO_SLAVE_KIND].as_text() == "bridge") read_port(link, info[IFLA_INFO_SLAVE_DATA]);
}

// Absent when the device has no IPv6 at all.
std::optional<bool> read_addrgen(const AttributeValue& families) {
  const Attributes<AF_INET6> by_family(families.bytes());
  const Attributes<IFLA_INET6_MAX> inet6(by_family[AF_INET6].bytes());
  const auto mode = inet6[IFLA_INET6_ADDR_GEN_MODE].as<std::uint8_t>();
  if (!mode) return std::nullopt;
  return *mode != IN6_ADDR_GEN_MODE_NONE;
}

// master is given by index here; LinkTable has the names.
struct ParsedRow {
  LinkRow row;
  int master = 0;
};

std::optional<ParsedRow> parse_link(const MessageView& message) {
  const auto header = message.family<ifinfomsg>();
  if (message.type() != RTM_NEWLINK || !header) return std::nullopt;
  const LinkAttributes attributes(message.attributes<ifinfomsg>());
  ParsedRow parsed;
  Link& link = parsed.row.link;
  parsed.row.index = header->ifi_index;
  parsed.row.loopback = (header->ifi_flags & IFF_LOOPBACK) != 0;
  link.name = IfName::from_kernel(attributes[IFLA_IFNAME].as_text());
  link.mac = attributes[IFLA_ADDRESS].as_mac();
  link.mtu = attributes[IFLA_MTU].as<std::uint32_t>();
  link.up = (header->ifi_flags & IFF_UP) != 0;
  link.group = attributes[IFLA_GROUP].as<std::uint32_t>().value_or(0);
  link.alias = std::string(attributes[IFLA_IFALIAS].as_text());
  link.addrgen = read_addrgen(attributes[IFLA_AF_SPEC]);
  link.master = IfName();
  read_link_info(link, attributes[IFLA_LINKINFO]);
  parsed.master = attributes[IFLA_MASTER].as<std::int32_t>().value_or(0);
  parsed.row.other_names = read_other_names(attributes[IFLA_PROP_LIST]);
  parsed.row.peer_nsid = attributes[IFLA_LINK_NETNSID].as<std::int32_t>();
  if (link.type == LinkType::veth) {
    parsed.row.peer_index = attributes[IFLA_LINK].as<std::int32_t>().value_or(0);
  } else if (link.type == LinkType::vxlan) {
    const Attributes<IFLA_INFO_MAX> info(attributes[IFLA_LINKINFO].bytes());
    read_receiver(parsed.row, info[IFLA_INFO_DATA]);
  }
  return parsed;
}

MessageQueue link_request() {
  MessageQueue request;
  request.start(RTM_GETLINK, 0, ifinfomsg{});
  request.put_u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  return request;
}

}  // namespace

LinkTable::LinkTable(std::vector<LinkRow> rows) : rows_(std::move(rows)) {
  std::ranges::sort(rows_, {}, &LinkRow::index);
}

const LinkRow* LinkTable::find(const IfName& name) const {
  const auto is_it = [&](const LinkRow& row) {
    const auto& others = row.other_names;
    return row.link.name == name || std::ranges::find(others, name.view()) != others.end();
  };
  const auto at = std::ranges::find_if(rows_, is_it);
  return at != rows_.end() ? &*at : nullptr;
}

const LinkRow* LinkTable::find(int index) const {
  const auto at = std::ranges::lower_bound(rows_, index, {}, &LinkRow::index);
  return at != rows_.end() && at->index == index ? &*at : nullptr;
}

const LinkRow* LinkTable::find_ours(int index) const {
  const LinkRow* row = find(index);
  // The alias of lo says whose its namespace is; the device is the kernel's.
  return row != nullptr && !row->loopback && (row->regarded || carries_our_mark(row->link)) ? row : nullptr;
}

void LinkTable::regard(const std::vector<Link>& wanted) {
  if (wanted.empty()) return;
  for (LinkRow& row : rows_) {
    const auto at = std::ranges::lower_bound(wanted, row.link.name, {}, &Link::name);
    const bool named = at != wanted.end() && at->name == row.link.name;
    row.regarded = !row.loopback && named && carries_our_mark(*at);
  }
}

const LinkRow* LinkTable::loopback() const {
  const auto at = std::ranges::find(rows_, true, &LinkRow::loopback);
  return at != rows_.end() ? &*at : nullptr;
}

Result<LinkTable> read_links(NetlinkSocket& socket) {
  MessageQueue request = link_request();
  OVL_TRY(const auto bytes, socket.dump(request));
  std::vector<LinkRow> rows;
  std::vector<std::pair<int, int>> ports;  // index, master's index
  for_each_message(bytes, [&](const MessageView& message) {
    auto parsed = parse_link(message);
    if (!parsed) return;
    if (parsed->master != 0) ports.emplace_back(parsed->row.index, parsed->master);
    rows.push_back(std::move(parsed->row));
  });
  LinkTable table(std::move(rows));
  std::ranges::sort(ports);
  auto port = ports.begin();
  for (LinkRow& row : table.rows()) {
    if (port == ports.end() || port->first != row.index) continue;
    if (const LinkRow* master = table.find(port->second)) row.link.master = master->link.name;
    ++port;
  }
  return table;
}

Result<std::optional<LinkRow>> read_link(NetlinkSocket& socket, const IfName& name) {
  MessageQueue request = link_request();
  request.put_text(IFLA_IFNAME, name.view());
  auto answer = socket.get(request);
  if (!answer.ok() && answer.error().code == Errc::not_found) return std::optional<LinkRow>();
  OVL_TRY(const auto bytes, std::move(answer));
  std::optional<LinkRow> row;
  for_each_message(bytes, [&](const MessageView& message) {
    if (auto parsed = parse_link(message)) row = std::move(parsed->row);
  });
  return row;
}

}  // namespace ovl
