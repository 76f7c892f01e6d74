// Packets as bytes: Ethernet, ARP, IPv4, IPv6, UDP, ICMPv6, VXLAN, with the checksums right.
#pragma once

#include <cstdint>
#include <string>

#include "model/base/values.hpp"
#include "tests/kernel/nft_fixture.hpp"

namespace ovl::test {

IpAddress ip(const std::string& text);
MacAddress mac(const std::string& text);

Packet operator+(Packet first, const Packet& second);
Packet be16(std::uint16_t number);

Packet ethernet(const MacAddress& destination, const MacAddress& source, std::uint16_t type,
                const Packet& payload);
Packet arp(std::uint16_t operation, const MacAddress& sender_mac, const IpAddress& sender,
           const IpAddress& target);
// Either family, by the addresses; next is the protocol of the payload.
Packet packet(const IpAddress& source, const IpAddress& destination, std::uint8_t next,
              const Packet& payload);
// A UDP header with its checksum, and the payload.
Packet udp(const IpAddress& source, const IpAddress& destination, std::uint16_t source_port,
           std::uint16_t destination_port, const Packet& payload);
// An ICMPv6 message: type, code 0, checksum, body.
Packet icmp6(const IpAddress& source, const IpAddress& destination, std::uint8_t type, const Packet& body);
// A VXLAN header with the VNI, and the payload.
Packet vxlan(std::uint32_t vni, const Packet& payload);
// One fragment of an IPv6 payload (RFC 8200, 4.5). offset in bytes, a multiple of 8.
Packet fragment6(std::uint8_t next, std::uint16_t offset, bool more, std::uint32_t id, const Packet& part);

inline constexpr std::uint8_t kUdp = 17;
inline constexpr std::uint8_t kIcmp6 = 58;
inline constexpr std::uint8_t kFragment6 = 44;

}  // namespace ovl::test
