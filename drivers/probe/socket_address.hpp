// Addresses as sockets take them.
#pragma once

#include <sys/socket.h>

#include <cstdint>

#include "model/base/values.hpp"

namespace ovl {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress socket_address(const IpAddress& address, std::uint16_t port);

// The address in what a socket answered; none: another family.
IpAddress address_in(const sockaddr_storage& storage);

// Packets go out whole or not at all, however large. Errors: privilege, io.
Status forbid_fragments(int fd, bool ipv4);

// The checksum of the Internet protocols (RFC 1071) over these bytes.
std::uint16_t internet_checksum(const std::uint8_t* bytes, std::size_t size);

}  // namespace ovl
