// Values that validate themselves: names, addresses, prefixes, MACs, VNIs. Whatever reaches the
// kernel or the keystore has been through one of these. Each has parse() for untrusted text and
// text() for its one canonical spelling.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/base/result.hpp"

namespace ovl {

// A device name, at most 15 bytes. parse() takes what ovl may create: a letter or digit, then
// letters, digits, '.', '_' or '-'. from_kernel() takes what dev_valid_name() let somebody create.
class IfName {
 public:
  constexpr IfName() = default;
  static Result<IfName> parse(std::string_view text);
  // Precondition: text.size() <= 15; longer text is cut.
  static IfName from_kernel(std::string_view text);

  [[nodiscard]] std::string_view view() const { return {bytes_.data()}; }

  [[nodiscard]] const char* c_str() const { return bytes_.data(); }

  [[nodiscard]] std::string text() const { return std::string(view()); }

  [[nodiscard]] bool empty() const { return bytes_[0] == '\0'; }

  auto operator<=>(const IfName&) const = default;

 private:
  std::array<char, 16> bytes_{};
};

// The kinds of text name; a tag keeps them apart. All are canonical in lower case.
enum class NameRule {
  label,  // RFC 1123 label, 1 to 63 bytes: clusters, networks, endpoints
  alias,  // the same with '_' inside too, as names of services have it
  host,   // dotted RFC 1123 labels, at most 253 bytes
  netns   // [A-Za-z0-9][A-Za-z0-9._-]*, at most 80 bytes; case is kept, as it is a file name
};

template <NameRule Rule>
class BasicName {
 public:
  BasicName() = default;
  static Result<BasicName> parse(std::string_view text);

  [[nodiscard]] const std::string& text() const { return text_; }

  [[nodiscard]] bool empty() const { return text_.empty(); }

  auto operator<=>(const BasicName&) const = default;

 private:
  std::string text_;
};

using Label = BasicName<NameRule::label>;
using Alias = BasicName<NameRule::alias>;
using HostName = BasicName<NameRule::host>;
// The name of a network namespace under /run/netns. Empty is the host's own namespace.
using NetnsName = BasicName<NameRule::netns>;

template <>
Result<Label> Label::parse(std::string_view text);
template <>
Result<Alias> Alias::parse(std::string_view text);
template <>
Result<HostName> HostName::parse(std::string_view text);
template <>
Result<NetnsName> NetnsName::parse(std::string_view text);

enum class Family : std::uint8_t { none = 0, ipv4 = 4, ipv6 = 6 };

// An IPv4 or IPv6 address, or none. IPv4 uses the first four bytes.
class IpAddress {
 public:
  constexpr IpAddress() = default;
  static Result<IpAddress> parse(std::string_view text);
  // Precondition: bytes holds 4 (ipv4) or 16 (ipv6) bytes in network order.
  static IpAddress from_bytes(Family family, const void* bytes);

  [[nodiscard]] std::string text() const;

  [[nodiscard]] Family family() const { return family_; }

  [[nodiscard]] bool empty() const { return family_ == Family::none; }

  [[nodiscard]] bool is_ipv4() const { return family_ == Family::ipv4; }

  // 4, 16, or 0 for none.
  [[nodiscard]] std::size_t size() const { return family_ == Family::none ? 0 : is_ipv4() ? 4 : 16; }

  // 32, 128, or 0 for none.
  [[nodiscard]] std::uint8_t bits() const { return static_cast<std::uint8_t>(size() * 8); }

  [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }

  [[nodiscard]] bool is_multicast() const;
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] bool is_link_local() const;
  [[nodiscard]] bool is_unspecified() const;

  // The address `count` further; nullopt past the end of the family's space.
  [[nodiscard]] std::optional<IpAddress> plus(std::uint64_t count) const;

  auto operator<=>(const IpAddress&) const = default;

 private:
  Family family_ = Family::none;
  std::array<std::uint8_t, 16> bytes_{};
};

// A prefix with its host bits zero, as in a subnet or a route. Canonical at the door: parse_exact()
// refuses set host bits, masked() clears them.
class IpPrefix {
 public:
  constexpr IpPrefix() = default;
  static Result<IpPrefix> parse_exact(std::string_view text);
  static IpPrefix masked(const IpAddress& address, std::uint8_t length);

  [[nodiscard]] std::string text() const;

  [[nodiscard]] const IpAddress& address() const { return address_; }

  [[nodiscard]] std::uint8_t length() const { return length_; }

  [[nodiscard]] Family family() const { return address_.family(); }

  [[nodiscard]] bool empty() const { return address_.empty(); }

  [[nodiscard]] bool contains(const IpAddress& address) const;
  [[nodiscard]] bool contains(const IpPrefix& other) const;
  [[nodiscard]] bool overlaps(const IpPrefix& other) const;
  // The last address (the broadcast address of an IPv4 subnet).
  [[nodiscard]] IpAddress last() const;

  auto operator<=>(const IpPrefix&) const = default;

 private:
  IpAddress address_;
  std::uint8_t length_ = 0;
};

// An address with the length of its subnet, as a device carries it: 10.0.9.2/24.
struct IpInterface {
  IpAddress address;
  std::uint8_t length = 0;

  static Result<IpInterface> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  auto operator<=>(const IpInterface&) const = default;
};

class MacAddress {
 public:
  constexpr MacAddress() = default;

  constexpr explicit MacAddress(std::array<std::uint8_t, 6> bytes) : bytes_(bytes) {}

  // Six hexadecimal pairs with ':' or '-'. Any bits; is_unicast() tells what an endpoint may have.
  static Result<MacAddress> parse(std::string_view text);
  // 02:42: and the four bytes of an IPv4 address, as Docker derives it.
  static MacAddress from_ipv4(const IpAddress& address);
  static MacAddress from_bytes(const void* six_bytes);

  [[nodiscard]] std::string text() const;

  [[nodiscard]] const std::array<std::uint8_t, 6>& bytes() const { return bytes_; }

  [[nodiscard]] bool is_zero() const { return bytes_ == std::array<std::uint8_t, 6>{}; }

  [[nodiscard]] bool is_multicast() const { return (bytes_[0] & 1) != 0; }

  // May be the address of one interface: neither all zero nor a group address.
  [[nodiscard]] bool is_unicast() const { return !is_zero() && !is_multicast(); }

  auto operator<=>(const MacAddress&) const = default;

 private:
  std::array<std::uint8_t, 6> bytes_{};
};

// A whole number within [Min, Max]; Tag keeps the kinds apart.
template <class Tag, std::uint32_t Min, std::uint32_t Max>
class Bounded {
 public:
  constexpr Bounded() = default;
  static Result<Bounded> from(std::int64_t number);

  // Precondition: Min <= number <= Max. For constants of ours and for what the kernel says.
  static constexpr Bounded unchecked(std::uint32_t number) {
    Bounded value;
    value.number_ = number;
    return value;
  }

  [[nodiscard]] constexpr std::uint32_t number() const { return number_; }

  [[nodiscard]] std::string text() const { return std::to_string(number_); }

  static constexpr std::uint32_t min = Min;
  static constexpr std::uint32_t max = Max;

  auto operator<=>(const Bounded&) const = default;

 private:
  std::uint32_t number_ = Min;
};

struct VniTag {
  static constexpr const char* name = "VNI";
};

struct MtuTag {
  static constexpr const char* name = "MTU";
};

struct PortTag {
  static constexpr const char* name = "UDP port";
};

// RFC 7348: 24 bits. 0 is left out: the kernel treats it as "any" in metadata mode.
using Vni = Bounded<VniTag, 1, 16'777'215>;
// Bytes; 68 is IPv4's floor (RFC 791), 1280 IPv6's (checked where a network has IPv6).
using Mtu = Bounded<MtuTag, 68, 65'535>;
using UdpPort = Bounded<PortTag, 1, 65'535>;

extern template class Bounded<VniTag, 1, 16'777'215>;
extern template class Bounded<MtuTag, 68, 65'535>;
extern template class Bounded<PortTag, 1, 65'535>;

// The namespaces and devices that ovl makes, in one place.
inline constexpr std::string_view kSandboxPrefix = "ovl-";
// IFLA_GROUP of every link we make ("ovl" in ASCII).
inline constexpr std::uint32_t kLinkGroup = 0x6f766c;
// rtm_protocol of our routes and NDA_PROTOCOL of our neighbours; free in iproute2's rt_protos.
inline constexpr std::uint8_t kRouteProtocol = 0x6f;

}  // namespace ovl
