#include "tests/kernel/nft_packets.hpp"

namespace ovl::test {

namespace {

Packet bytes(const IpAddress& address) {
  return {address.bytes().begin(), address.bytes().begin() + static_cast<std::ptrdiff_t>(address.size())};
}

Packet bytes(const MacAddress& address) {
  return {address.bytes().begin(), address.bytes().end()};
}

// RFC 1071.
std::uint16_t checksum(const Packet& data) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < data.size(); ++i) sum += i % 2 == 0 ? data[i] * 256U : data[i];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum & 0xffff);
}

void put_checksum(Packet& message, std::size_t offset, const Packet& pseudo_header) {
  const Packet value = be16(checksum(pseudo_header + message));
  message[offset] = value[0];
  message[offset + 1] = value[1];
}

// Of UDP and ICMPv6; lengths stay below 64 KiB, so it does for both families.
Packet pseudo_header(const IpAddress& source, const IpAddress& destination, std::uint8_t next,
                     std::size_t length) {
  return bytes(source) + bytes(destination) + be16(static_cast<std::uint16_t>(length)) + Packet{0, next};
}

}  // namespace

IpAddress ip(const std::string& text) {
  return IpAddress::parse(text).value();
}

MacAddress mac(const std::string& text) {
  return MacAddress::parse(text).value();
}

Packet operator+(Packet first, const Packet& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

Packet be16(std::uint16_t number) {
  return {static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number & 0xff)};
}

Packet ethernet(const MacAddress& destination, const MacAddress& source, std::uint16_t type,
                const Packet& payload) {
  return bytes(destination) + bytes(source) + be16(type) + payload;
}

Packet arp(std::uint16_t operation, const MacAddress& sender_mac, const IpAddress& sender,
           const IpAddress& target) {
  return Packet{0, 1, 8, 0, 6, 4} + be16(operation) + bytes(sender_mac) + bytes(sender) +
         bytes(MacAddress()) + bytes(target);
}

Packet packet(const IpAddress& source, const IpAddress& destination, std::uint8_t next,
              const Packet& payload) {
  if (!source.is_ipv4()) {
    return Packet{0x60, 0, 0, 0} + be16(static_cast<std::uint16_t>(payload.size())) + Packet{next, 255} +
           bytes(source) + bytes(destination) + payload;
  }
  Packet header = Packet{0x45, 0} + be16(static_cast<std::uint16_t>(payload.size() + 20)) +
                  Packet{0, 0, 0, 0, 64, next, 0, 0} + bytes(source) + bytes(destination);
  put_checksum(header, 10, {});
  return header + payload;
}

Packet udp(const IpAddress& source, const IpAddress& destination, std::uint16_t source_port,
           std::uint16_t destination_port, const Packet& payload) {
  Packet message = be16(source_port) + be16(destination_port) +
                   be16(static_cast<std::uint16_t>(payload.size() + 8)) + Packet{0, 0} + payload;
  put_checksum(message, 6, pseudo_header(source, destination, kUdp, message.size()));
  return message;
}

Packet icmp6(const IpAddress& source, const IpAddress& destination, std::uint8_t type, const Packet& body) {
  Packet message = Packet{type, 0, 0, 0} + body;
  put_checksum(message, 2, pseudo_header(source, destination, kIcmp6, message.size()));
  return message;
}

Packet vxlan(std::uint32_t vni, const Packet& payload) {
  return Packet{8,
                0,
                0,
                0,
                static_cast<std::uint8_t>(vni >> 16),
                static_cast<std::uint8_t>((vni >> 8) & 0xff),
                static_cast<std::uint8_t>(vni & 0xff),
                0} +
         payload;
}

Packet fragment6(std::uint8_t next, std::uint16_t offset, bool more, std::uint32_t id, const Packet& part) {
  return Packet{next, 0} + be16(static_cast<std::uint16_t>(offset | (more ? 1 : 0))) +
         be16(static_cast<std::uint16_t>(id >> 16)) + be16(static_cast<std::uint16_t>(id & 0xffff)) + part;
}

}  // namespace ovl::test
