#include "drivers/kernel/look/on_link.hpp"

#include <linux/rtnetlink.h>
#include <net/if.h>

#include <map>
#include <optional>

namespace ovl {

namespace {

// A lookup that finds nothing answers ENETUNREACH and the like: no way is no way without a router.
Result<std::optional<std::vector<std::uint8_t>>> found_by(NetlinkSocket& socket, MessageQueue& request) {
  using Found = std::optional<std::vector<std::uint8_t>>;
  auto answer = socket.get(request);
  if (answer.ok()) return Found(std::move(answer).value());
  const Errc code = answer.error().code;
  if (code == Errc::kernel || code == Errc::not_found) return Found();
  return std::move(answer).error();
}

// The device of a unicast route without a gateway.
std::optional<int> device_of(std::span<const std::uint8_t> answer) {
  std::optional<int> device;
  for_each_message(answer, [&](const MessageView& message) {
    const auto header = message.family<rtmsg>();
    if (message.type() != RTM_NEWROUTE || !header || header->rtm_type != RTN_UNICAST) return;
    const Attributes<RTA_MAX> attributes(message.attributes<rtmsg>());
    const bool routed = attributes[RTA_GATEWAY].present() || attributes[RTA_VIA].present();
    if (!routed) device = attributes[RTA_OIF].as<int>();
  });
  return device;
}

Result<std::optional<int>> device_towards(NetlinkSocket& socket, const IpAddress& source,
                                          const IpAddress& address) {
  MessageQueue request;
  request.start(RTM_GETROUTE, 0,
                rtmsg{.rtm_family = static_cast<std::uint8_t>(address.is_ipv4() ? AF_INET : AF_INET6),
                      .rtm_dst_len = address.bits(),
                      .rtm_src_len = source.bits()});
  request.put(RTA_DST, address);
  request.put(RTA_SRC, source);
  OVL_TRY(const auto answer, found_by(socket, request));
  return answer ? device_of(*answer) : std::nullopt;
}

// Who resolves no addresses on a link (WireGuard, tun, most tunnels) may have routers inside it.
Result<bool> resolves_neighbours(NetlinkSocket& socket, int device) {
  MessageQueue request;
  request.start(RTM_GETLINK, 0, ifinfomsg{.ifi_index = device});
  request.put_u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  OVL_TRY(const auto answer, found_by(socket, request));
  bool resolves = false;
  if (!answer) return resolves;
  for_each_message(*answer, [&](const MessageView& message) {
    const auto header = message.family<ifinfomsg>();
    if (message.type() != RTM_NEWLINK || !header) return;
    resolves = (header->ifi_flags & (IFF_NOARP | IFF_LOOPBACK)) == 0;
  });
  return resolves;
}

}  // namespace

Result<std::vector<IpAddress>> addresses_on_link(NetlinkSocket& socket, const IpAddress& source,
                                                 std::span<const IpAddress> addresses) {
  std::vector<IpAddress> out;
  std::map<int, bool> devices;
  for (const IpAddress& address : addresses) {
    if (address.family() != source.family()) continue;
    OVL_TRY(const std::optional<int> device, device_towards(socket, source, address));
    if (!device) continue;
    auto known = devices.find(*device);
    if (known == devices.end()) {
      OVL_TRY(const bool resolves, resolves_neighbours(socket, *device));
      known = devices.emplace(*device, resolves).first;
    }
    if (known->second) out.push_back(address);
  }
  return out;
}

}  // namespace ovl
