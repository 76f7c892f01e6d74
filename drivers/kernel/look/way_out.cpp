#include "drivers/kernel/look/way_out.hpp"

#include <linux/rtnetlink.h>

#include <array>

namespace ovl {

namespace {

// Far from each other, and nobody's own: a route to a part of the world is not the way to all of it.
constexpr std::array<std::string_view, 4> kPartsOfTheWorld{"1.0.0.1", "64.0.0.1", "130.0.0.1", "200.0.0.1"};

// None: it is dropped, has no route, or stays on this host.
Result<std::optional<int>> device_towards(NetlinkSocket& socket, int bridge, const IpAddress& source,
                                          const IpAddress& to) {
  MessageQueue request;
  request.start(RTM_GETROUTE, 0,
                rtmsg{.rtm_family = AF_INET, .rtm_dst_len = to.bits(), .rtm_src_len = source.bits()});
  request.put(RTA_DST, to);
  request.put(RTA_SRC, source);
  request.put_u32(RTA_IIF, static_cast<std::uint32_t>(bridge));
  auto answer = socket.get(request);
  std::optional<int> device;
  if (!answer.ok()) {
    const Errc code = answer.error().code;
    if (code == Errc::kernel || code == Errc::not_found || code == Errc::privilege) return device;
    return std::move(answer).error();
  }
  for_each_message(answer.value(), [&](const MessageView& message) {
    const auto header = message.family<rtmsg>();
    if (message.type() != RTM_NEWROUTE || !header || header->rtm_type != RTN_UNICAST) return;
    device = Attributes<RTA_MAX>(message.attributes<rtmsg>())[RTA_OIF].as<int>();
  });
  return device;
}

}  // namespace

Result<std::optional<IfName>> find_way_out(NetlinkSocket& socket, const IfName& bridge,
                                           const IpAddress& source) {
  OVL_TRY(const LinkTable links, read_links(socket));
  std::optional<IfName> way;
  const LinkRow* from = links.find(bridge);
  if (from == nullptr || !source.is_ipv4()) return way;
  for (const std::string_view text : kPartsOfTheWorld) {
    OVL_TRY(const IpAddress to, IpAddress::parse(text));
    OVL_TRY(const auto device, device_towards(socket, from->index, source, to));
    const LinkRow* by = device ? links.find(*device) : nullptr;
    if (by == nullptr || (way && *way != by->link.name)) return std::optional<IfName>();
    way = by->link.name;
  }
  return way;
}

}  // namespace ovl
