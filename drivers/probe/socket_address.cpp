#include "drivers/probe/socket_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cerrno>
#include <cstring>

namespace ovl {

SocketAddress socket_address(const IpAddress& address, std::uint16_t port) {
  SocketAddress out;
  if (address.is_ipv4()) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    std::memcpy(&in.sin_addr, address.bytes().data(), sizeof(in.sin_addr));
    std::memcpy(&out.storage, &in, sizeof(in));
    out.size = sizeof(in);
  } else {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(port);
    std::memcpy(&in.sin6_addr, address.bytes().data(), sizeof(in.sin6_addr));
    std::memcpy(&out.storage, &in, sizeof(in));
    out.size = sizeof(in);
  }
  return out;
}

IpAddress address_in(const sockaddr_storage& storage) {
  if (storage.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &storage, sizeof(in));
    return IpAddress::from_bytes(Family::ipv4, &in.sin_addr);
  }
  if (storage.ss_family != AF_INET6) return {};
  sockaddr_in6 in{};
  std::memcpy(&in, &storage, sizeof(in));
  return IpAddress::from_bytes(Family::ipv6, &in.sin6_addr);
}

Status forbid_fragments(int fd, bool ipv4) {
  const int level = ipv4 ? IPPROTO_IP : IPPROTO_IPV6;
  const int name = ipv4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER;
  static_assert(IP_PMTUDISC_PROBE == IPV6_PMTUDISC_PROBE);
  const int value = IP_PMTUDISC_PROBE;
  const int on = 1;
  const bool forbidden = ::setsockopt(fd, level, name, &value, sizeof(value)) == 0 &&
                         (ipv4 || ::setsockopt(fd, IPPROTO_IPV6, IPV6_DONTFRAG, &on, sizeof(on)) == 0);
  if (forbidden) return {};
  return Error{.code = errno == EPERM ? Errc::privilege : Errc::io,
               .message = std::string("forbidding fragments: ") + std::strerror(errno),
               .os_errno = errno};
}

std::uint16_t internet_checksum(const std::uint8_t* bytes, std::size_t size) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < size; ++i) {
    sum += i % 2 == 0 ? static_cast<std::uint32_t>(bytes[i]) << 8 : bytes[i];
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

}  // namespace ovl
