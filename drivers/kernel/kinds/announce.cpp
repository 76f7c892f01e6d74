#include "drivers/kernel/kinds/announce.hpp"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "drivers/kernel/netlink/errors.hpp"
#include "model/base/handle.hpp"

namespace ovl {

namespace {

using Frame = std::vector<std::uint8_t>;
using Mac = std::array<std::uint8_t, 6>;

constexpr Mac kBroadcast{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
constexpr Mac kAllNodesMac{0x33, 0x33, 0, 0, 0, 1};
constexpr std::array<std::uint8_t, 16> kAllNodes{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

template <class Range>
void add(Frame& frame, const Range& bytes, std::size_t count) {
  frame.insert(frame.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
}

void add16(Frame& frame, std::size_t value) {
  frame.push_back(static_cast<std::uint8_t>(value >> 8));
  frame.push_back(static_cast<std::uint8_t>(value & 0xff));
}

Frame ethernet(const Mac& to, const Mac& from, std::uint16_t type) {
  Frame frame;
  add(frame, to, to.size());
  add(frame, from, from.size());
  add16(frame, type);
  return frame;
}

Frame arp(const IpAddress& address, const MacAddress& mac) {
  Frame frame = ethernet(kBroadcast, mac.bytes(), ETH_P_ARP);
  add(frame, std::array<std::uint8_t, 8>{0, 1, 8, 0, 6, 4, 0, 1}, 8);  // Ethernet, IPv4, request
  add(frame, mac.bytes(), 6);
  add(frame, address.bytes(), 4);
  add(frame, Mac{}, 6);
  add(frame, address.bytes(), 4);
  return frame;
}

std::uint16_t checksum(const Frame& bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) sum += bytes[i] * 256U + bytes[i + 1];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

// RFC 4861, 4.4: override set, target link-layer address option, to all nodes with hop limit 255.
Frame neighbour_advertisement(const IpAddress& address, const MacAddress& mac) {
  Frame body{136, 0, 0, 0, 0x20, 0, 0, 0};
  add(body, address.bytes(), 16);
  add(body, std::array<std::uint8_t, 2>{2, 1}, 2);
  add(body, mac.bytes(), 6);
  Frame pseudo;  // RFC 8200, 8.1
  add(pseudo, address.bytes(), 16);
  add(pseudo, kAllNodes, 16);
  add(pseudo, std::array<std::uint8_t, 8>{0, 0, 0, static_cast<std::uint8_t>(body.size()), 0, 0, 0, 58}, 8);
  pseudo.insert(pseudo.end(), body.begin(), body.end());
  const std::uint16_t sum = checksum(pseudo);
  body[2] = static_cast<std::uint8_t>(sum >> 8);
  body[3] = static_cast<std::uint8_t>(sum & 0xff);

  Frame frame = ethernet(kAllNodesMac, mac.bytes(), ETH_P_IPV6);
  add(frame, std::array<std::uint8_t, 4>{0x60, 0, 0, 0}, 4);
  add16(frame, body.size());
  add(frame, std::array<std::uint8_t, 2>{58, 255}, 2);
  add(frame, address.bytes(), 16);
  add(frame, kAllNodes, 16);
  frame.insert(frame.end(), body.begin(), body.end());
  return frame;
}

}  // namespace

std::vector<std::uint8_t> announcement_frame(const IpAddress& address, const MacAddress& mac) {
  return address.is_ipv4() ? arp(address, mac) : neighbour_advertisement(address, mac);
}

Status send_frame(int index, const std::vector<std::uint8_t>& frame, std::string_view what) {
  const UniqueFd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return kernel_error(what, errno);
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = index;
  to.sll_halen = ETH_ALEN;
  to.sll_protocol = htons(static_cast<std::uint16_t>(frame[12] * 256 + frame[13]));
  std::memcpy(to.sll_addr, frame.data(), ETH_ALEN);
  sockaddr_storage address{};
  std::memcpy(&address, &to, sizeof to);
  const ssize_t sent = sendto(socket.get(), frame.data(), frame.size(), 0,
                              reinterpret_cast<const sockaddr*>(&address), sizeof to);
  if (sent < 0) return kernel_error(what, errno);
  return {};
}

}  // namespace ovl
