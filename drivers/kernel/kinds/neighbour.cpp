#include "drivers/kernel/kinds/neighbour.hpp"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>

namespace ovl {

namespace {

ndmsg header_of(int index, const Neighbour& neighbour, std::uint16_t state) {
  return ndmsg{.ndm_family = static_cast<std::uint8_t>(neighbour.address.is_ipv4() ? AF_INET : AF_INET6),
               .ndm_ifindex = index,
               .ndm_state = state};
}

std::optional<Neighbour> parse_neighbour(const MessageView& message, const LinkTable& links) {
  const auto header = message.family<ndmsg>();
  if (message.type() != RTM_NEWNEIGH || !header || header->ndm_state != NUD_PERMANENT) return std::nullopt;
  const LinkRow* device = links.find_ours(header->ndm_ifindex);
  if (device == nullptr) return std::nullopt;
  const Attributes<NDA_LLADDR> attributes(message.attributes<ndmsg>());
  const IpAddress address = attributes[NDA_DST].as_address();
  if (address.empty()) return std::nullopt;
  return Neighbour{.dev = device->link.name,
                   .address = address,
                   .mac = attributes[NDA_LLADDR].as_mac().value_or(MacAddress())};
}

}  // namespace

Result<std::vector<Neighbour>> observe_neighbours(NetlinkSocket& socket, const LinkTable& links) {
  MessageQueue request;
  request.start(RTM_GETNEIGH, 0, ndmsg{});
  OVL_TRY(const auto bytes, socket.dump(request));
  std::vector<Neighbour> neighbours;
  for_each_message(bytes, [&](const MessageView& message) {
    if (const auto neighbour = parse_neighbour(message, links)) neighbours.push_back(*neighbour);
  });
  std::ranges::sort(neighbours, key_less<Neighbour>);
  return neighbours;
}

void write_neighbour(MessageQueue& queue, int index, const Neighbour& neighbour, bool exclusive) {
  const std::uint16_t flags = NLM_F_CREATE | (exclusive ? NLM_F_EXCL : NLM_F_REPLACE);
  queue.start(RTM_NEWNEIGH, flags, header_of(index, neighbour, NUD_PERMANENT));
  queue.put(NDA_DST, neighbour.address);
  queue.put(NDA_LLADDR, neighbour.mac);
  queue.put_u8(NDA_PROTOCOL, kRouteProtocol);
}

void write_neighbour_remove(MessageQueue& queue, int index, const Neighbour& neighbour) {
  queue.start(RTM_DELNEIGH, 0, header_of(index, neighbour, 0), IfAbsent::succeed);
  queue.put(NDA_DST, neighbour.address);
}

Result<bool> is_dynamic_neighbour(NetlinkSocket& socket, int index, const Neighbour& neighbour) {
  MessageQueue request;
  request.start(RTM_GETNEIGH, 0, header_of(index, neighbour, 0));
  request.put(NDA_DST, neighbour.address);
  OVL_TRY(const auto bytes, socket.get(request));
  const auto message = MessageView::first_of(bytes);
  const auto header = message ? message->family<ndmsg>() : std::nullopt;
  return header && (header->ndm_state & NUD_PERMANENT) == 0;
}

}  // namespace ovl
