#include "drivers/probe/probe.hpp"

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "drivers/probe/socket_address.hpp"
#include "model/base/handle.hpp"

namespace ovl {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

Error failed(const char* what) {
  return Error{.code = errno == EPERM || errno == EACCES ? Errc::privilege : Errc::io,
               .message = std::string(what) + ": " + std::strerror(errno),
               .os_errno = errno};
}

ProbeAnswer answer_of(int error) {
  switch (error) {
    case ECONNREFUSED: return ProbeAnswer::refused;
    case EMSGSIZE: return ProbeAnswer::too_big;
    default: return ProbeAnswer::unreachable;
  }
}

// Waits for a datagram or an error of the socket.
bool wait_readable(int fd, steady_clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now()).count();
  pollfd entry{.fd = fd, .events = POLLIN, .revents = 0};
  return left > 0 && ::poll(&entry, 1, static_cast<int>(left)) > 0;
}

// Type, code, checksum, identifier, sequence: the same 8 bytes in RFC 792 and RFC 4443.
std::vector<std::uint8_t> echo_request(bool ipv4, std::size_t size, std::uint16_t id) {
  std::vector<std::uint8_t> bytes(std::max<std::size_t>(size, 8));
  bytes[0] = ipv4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
  bytes[4] = static_cast<std::uint8_t>(id >> 8);
  bytes[5] = static_cast<std::uint8_t>(id & 0xff);
  if (ipv4) {  // the kernel fills in ICMPv6's (rawv6_push_pending_frames())
    const std::uint16_t sum = internet_checksum(bytes.data(), bytes.size());
    bytes[2] = static_cast<std::uint8_t>(sum >> 8);
    bytes[3] = static_cast<std::uint8_t>(sum & 0xff);
  }
  return bytes;
}

// A raw IPv4 socket delivers the IP header too, a raw IPv6 one does not.
bool is_reply(const std::uint8_t* bytes, std::size_t size, bool ipv4, std::uint16_t id) {
  const std::size_t start = ipv4 && size > 0 ? std::size_t{bytes[0] & 0x0fU} * 4 : 0;
  if (size < start + 8) return false;
  const std::uint8_t wanted = ipv4 ? std::uint8_t{ICMP_ECHOREPLY} : std::uint8_t{ICMP6_ECHO_REPLY};
  return bytes[start] == wanted && bytes[start + 4] == (id >> 8) && bytes[start + 5] == (id & 0xff);
}

Result<ProbeAnswer> await_reply(int fd, bool ipv4, std::uint16_t id, steady_clock::time_point deadline) {
  std::vector<std::uint8_t> bytes(65536);
  while (wait_readable(fd, deadline)) {
    const ssize_t size = ::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (size < 0 && errno != EAGAIN && errno != EINTR) return answer_of(errno);
    if (size > 0 && is_reply(bytes.data(), static_cast<std::size_t>(size), ipv4, id)) {
      return ProbeAnswer::answered;
    }
  }
  return ProbeAnswer::silent;
}

}  // namespace

Result<ProbeAnswer> ping(const IpAddress& target, std::size_t size, milliseconds timeout) {
  const bool ipv4 = target.is_ipv4();
  const auto deadline = steady_clock::now() + timeout;
  const UniqueFd fd(ipv4 ? ::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP)
                         : ::socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6));
  if (!fd.valid()) return failed("opening an ICMP socket");
  OVL_CHECK(forbid_fragments(fd.get(), ipv4));
  const SocketAddress to = socket_address(target, 0);
  if (::connect(fd.get(), to.get(), to.size) != 0) return ProbeAnswer::unreachable;
  const auto id = static_cast<std::uint16_t>(::getpid());
  const std::size_t headers = ipv4 ? 20 : 40;
  const auto request = echo_request(ipv4, size > headers ? size - headers : 0, id);
  if (::send(fd.get(), request.data(), request.size(), 0) < 0) return answer_of(errno);
  return await_reply(fd.get(), ipv4, id, deadline);
}

Result<ProbeAnswer> knock(const IpAddress& target, UdpPort port, milliseconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  const UniqueFd fd(::socket(target.is_ipv4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return failed("opening a UDP socket");
  // As tunnels send: other hosts may demand it of this one.
  const int most = 255;
  const bool ipv4 = target.is_ipv4();
  ::setsockopt(fd.get(), ipv4 ? IPPROTO_IP : IPPROTO_IPV6, ipv4 ? IP_TTL : IPV6_UNICAST_HOPS, &most,
               sizeof most);
  const SocketAddress to = socket_address(target, static_cast<std::uint16_t>(port.number()));
  if (::connect(fd.get(), to.get(), to.size) != 0) return ProbeAnswer::unreachable;
  if (::send(fd.get(), "", 0, 0) < 0) return answer_of(errno);
  if (!wait_readable(fd.get(), deadline)) return ProbeAnswer::silent;
  char byte = 0;
  if (::recv(fd.get(), &byte, 1, MSG_DONTWAIT) < 0) return answer_of(errno);
  return ProbeAnswer::answered;
}

Result<bool> is_port_taken(UdpPort port) {
  const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return failed("opening a UDP socket");
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_port = htons(static_cast<std::uint16_t>(port.number()));
  any.sin_addr.s_addr = htonl(INADDR_ANY);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&any), sizeof(any)) == 0) return false;
  if (errno == EADDRINUSE) return true;
  return failed("binding a UDP port");
}

}  // namespace ovl
