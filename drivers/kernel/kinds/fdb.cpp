#include "drivers/kernel/kinds/fdb.hpp"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>

namespace ovl {

namespace {

constexpr std::uint16_t kStaticStates = NUD_NOARP | NUD_PERMANENT;

std::uint8_t table_flag(FdbTable table) {
  return table == FdbTable::self ? NTF_SELF : NTF_MASTER;
}

ndmsg header_of(int index, const Fdb& entry, std::uint16_t state) {
  return ndmsg{.ndm_family = AF_BRIDGE,
               .ndm_ifindex = index,
               .ndm_state = state,
               .ndm_flags = table_flag(entry.table)};
}

// Kernel: a VXLAN leaves out what equals the device's default (vxlan_fdb_info()), so whatever is
// there differs from it.
bool has_own_destination(const Attributes<NDA_NH_ID>& attributes) {
  return attributes[NDA_PORT].present() || attributes[NDA_VNI].present() ||
         attributes[NDA_IFINDEX].present() || attributes[NDA_SRC_VNI].present() ||
         attributes[NDA_NH_ID].present();
}

std::optional<Fdb> parse_self(const Attributes<NDA_NH_ID>& attributes, const LinkRow& device) {
  const auto mac = attributes[NDA_LLADDR].as_mac();
  if (!mac || mac->is_multicast() || device.link.type != LinkType::vxlan) return std::nullopt;
  Fdb entry{.dev = device.link.name, .table = FdbTable::self, .mac = *mac};
  if (!has_own_destination(attributes)) entry.vtep = attributes[NDA_DST].as_address();
  return entry;
}

// Devices of one bridge, by their MACs: the kernel makes a local entry for each (br_fdb_add_local()).
struct LocalMac {
  IfName bridge;
  MacAddress mac;

  auto operator<=>(const LocalMac&) const = default;
};

std::vector<LocalMac> local_macs(const LinkTable& links) {
  std::vector<LocalMac> macs;
  for (const LinkRow& row : links.rows()) {
    if (!row.link.mac) continue;
    if (row.link.type == LinkType::bridge) macs.push_back({row.link.name, *row.link.mac});
    if (row.link.master && !row.link.master->empty()) macs.push_back({*row.link.master, *row.link.mac});
  }
  std::ranges::sort(macs);
  return macs;
}

std::optional<Fdb> parse_master(const Attributes<NDA_NH_ID>& attributes, const ndmsg& header,
                                const LinkRow& device, const std::vector<LocalMac>& locals) {
  const auto mac = attributes[NDA_LLADDR].as_mac();
  // An entry of a VLAN is the twin that the kernel makes of one without (br_fdb_add()).
  const bool in_vlan = attributes[NDA_VLAN].as<std::uint16_t>().value_or(0) != 0;
  if (!mac || mac->is_multicast() || in_vlan || !attributes[NDA_MASTER].present()) return std::nullopt;
  const bool is_bridge = device.link.type == LinkType::bridge;
  const LocalMac local{is_bridge ? device.link.name : device.link.master.value_or(IfName()), *mac};
  if ((header.ndm_state & NUD_PERMANENT) != 0 && std::ranges::binary_search(locals, local)) {
    return std::nullopt;
  }
  return Fdb{.dev = device.link.name, .table = FdbTable::master, .mac = *mac};
}

// The all-zero MAC of a VXLAN may have several destinations: one entry per key, with none of them.
void merge_destinations(std::vector<Fdb>& entries) {
  const auto same_key = [](const Fdb& a, const Fdb& b) { return a.key() == b.key(); };
  for (std::size_t i = 1; i < entries.size(); ++i) {
    if (same_key(entries[i - 1], entries[i])) entries[i - 1].vtep = entries[i].vtep = IpAddress();
  }
  entries.erase(std::unique(entries.begin(), entries.end(), same_key), entries.end());
}

}  // namespace

Result<std::vector<Fdb>> observe_fdb(NetlinkSocket& socket, const LinkTable& links) {
  MessageQueue request;
  request.start(RTM_GETNEIGH, 0, ndmsg{.ndm_family = AF_BRIDGE});
  OVL_TRY(const auto bytes, socket.dump(request));
  const std::vector<LocalMac> locals = local_macs(links);
  std::vector<Fdb> entries;
  for_each_message(bytes, [&](const MessageView& message) {
    const auto header = message.family<ndmsg>();
    if (message.type() != RTM_NEWNEIGH || !header || (header->ndm_state & kStaticStates) == 0) return;
    const LinkRow* device = links.find_ours(header->ndm_ifindex);
    if (device == nullptr) return;
    const Attributes<NDA_NH_ID> attributes(message.attributes<ndmsg>());
    const bool self = (header->ndm_flags & NTF_SELF) != 0;
    const auto entry =
        self ? parse_self(attributes, *device) : parse_master(attributes, *header, *device, locals);
    if (entry) entries.push_back(*entry);
  });
  std::ranges::sort(entries, key_less<Fdb>);
  merge_destinations(entries);
  return entries;
}

void write_fdb(MessageQueue& queue, int index, const Fdb& entry, bool exclusive) {
  const std::uint16_t flags = NLM_F_CREATE | (exclusive ? NLM_F_EXCL : NLM_F_REPLACE);
  // A bridge takes NUD_PERMANENT as "this address is the host's own" (fdb_add_entry()).
  const std::uint16_t state = entry.table == FdbTable::self ? kStaticStates : NUD_NOARP | NUD_REACHABLE;
  queue.start(RTM_NEWNEIGH, flags, header_of(index, entry, state));
  queue.put(NDA_LLADDR, entry.mac);
  if (entry.table == FdbTable::self) queue.put(NDA_DST, entry.vtep);
}

// Without NDA_DST a VXLAN removes the entry with all its destinations (__vxlan_fdb_delete()).
void write_fdb_remove(MessageQueue& queue, int index, const Fdb& entry) {
  queue.start(RTM_DELNEIGH, 0, header_of(index, entry, 0), IfAbsent::succeed);
  queue.put(NDA_LLADDR, entry.mac);
}

Result<bool> is_learned_fdb(NetlinkSocket& socket, int index, const Fdb& entry) {
  MessageQueue request;
  request.start(RTM_GETNEIGH, 0, header_of(index, entry, 0));
  request.put(NDA_LLADDR, entry.mac);
  OVL_TRY(const auto bytes, socket.get(request));
  const auto message = MessageView::first_of(bytes);
  const auto header = message ? message->family<ndmsg>() : std::nullopt;
  return header && (header->ndm_state & kStaticStates) == 0;
}

}  // namespace ovl
