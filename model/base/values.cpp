// Parsing and printing of the value types. The C library's inet_pton/inet_ntop are the judges of
// address syntax.
#include "model/base/values.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace ovl {

namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_alnum(char c) {
  return is_letter(c) || is_digit(c);
}

char lower(char c) {
  return (c >= 'A' && c <= 'Z') ? static_cast<char>(c - 'A' + 'a') : c;
}

// Text that comes from outside, safe to show on a terminal.
std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 80)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      out += c;
    } else {
      out += fmt::format("\\x{:02x}", byte);
    }
  }
  return text.size() > 80 ? out + "..." : out;
}

Error invalid(std::string_view what, std::string_view text, std::string_view rule) {
  return Error{.code = Errc::manifest,
               .message = fmt::format("\"{}\" is not {}", shown(text), what),
               .hint = std::string(rule)};
}

bool is_label(std::string_view text) {
  return !text.empty() && text.size() <= 63 && is_alnum(text.front()) && is_alnum(text.back()) &&
         std::ranges::all_of(text, [](char c) { return is_alnum(c) || c == '-'; });
}

bool is_dotted(std::string_view text) {
  if (text.size() > 253) return false;
  while (true) {
    const auto dot = text.find('.');
    if (!is_label(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool is_file_name(std::string_view text, std::size_t limit) {
  return !text.empty() && text.size() <= limit && is_alnum(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_alnum(c) || c == '.' || c == '_' || c == '-'; });
}

std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

std::optional<std::uint8_t> parse_length(std::string_view text, std::uint8_t limit) {
  if (text.empty() || text.size() > 3) return std::nullopt;
  std::uint8_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (error != std::errc{} || end != text.data() + text.size() || length > limit) return std::nullopt;
  return length;
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  const char l = lower(c);
  return (l >= 'a' && l <= 'f') ? l - 'a' + 10 : -1;
}

}  // namespace

Result<IfName> IfName::parse(std::string_view text) {
  if (!is_file_name(text, 15)) {
    return invalid("an interface name", text,
                   "use 1 to 15 letters, digits, '.', '_' or '-', beginning with a letter or digit");
  }
  return from_kernel(text);
}

IfName IfName::from_kernel(std::string_view text) {
  IfName name;
  std::memcpy(name.bytes_.data(), text.data(), std::min<std::size_t>(text.size(), 15));
  return name;
}

template <>
Result<Label> Label::parse(std::string_view text) {
  if (!is_label(text)) {
    return invalid("a name", text, "use 1 to 63 letters, digits and '-', not at either end (RFC 1123)");
  }
  Label name;
  name.text_ = lowered(text);
  return name;
}

template <>
Result<Alias> Alias::parse(std::string_view text) {
  std::string as_label(text);
  std::ranges::replace(as_label, '_', '-');
  if (!is_label(as_label)) {
    return invalid("an alias", text,
                   "use 1 to 63 letters, digits, '-' and '_', the last two not at either end");
  }
  Alias name;
  name.text_ = lowered(text);
  return name;
}

template <>
Result<HostName> HostName::parse(std::string_view text) {
  if (!is_dotted(text)) {
    return invalid("a host name", text, "use letters, digits and '-', in labels joined by '.' (RFC 1123)");
  }
  HostName name;
  name.text_ = lowered(text);
  return name;
}

template <>
Result<NetnsName> NetnsName::parse(std::string_view text) {
  if (!is_file_name(text, 80)) {
    return invalid("a namespace name", text,
                   "use 1 to 80 letters, digits, '.', '_' or '-', beginning with a letter or digit");
  }
  NetnsName name;
  name.text_ = std::string(text);
  return name;
}

Result<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string copy(text.substr(0, INET6_ADDRSTRLEN));
  IpAddress address;
  if (inet_pton(AF_INET, copy.c_str(), address.bytes_.data()) == 1) {
    address.family_ = Family::ipv4;
  } else if (inet_pton(AF_INET6, copy.c_str(), address.bytes_.data()) == 1) {
    address.family_ = Family::ipv6;
  } else {
    return invalid("an IP address", text, "write it like 10.0.9.2 or fd00:9::2");
  }
  if (copy.size() != text.size() || copy.find('\0') != std::string::npos) {
    return invalid("an IP address", text, "write it like 10.0.9.2 or fd00:9::2");
  }
  return address;
}

IpAddress IpAddress::from_bytes(Family family, const void* bytes) {
  IpAddress address;
  address.family_ = family;
  std::memcpy(address.bytes_.data(), bytes, address.size());
  return address;
}

std::string IpAddress::text() const {
  if (empty()) return "none";
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  inet_ntop(is_ipv4() ? AF_INET : AF_INET6, bytes_.data(), buffer.data(), buffer.size());
  return buffer.data();
}

bool IpAddress::is_multicast() const {
  return is_ipv4() ? (bytes_[0] & 0xf0) == 0xe0 : family_ == Family::ipv6 && bytes_[0] == 0xff;
}

bool IpAddress::is_loopback() const {
  if (is_ipv4()) return bytes_[0] == 127;
  std::array<std::uint8_t, 16> one{};
  one[15] = 1;
  return family_ == Family::ipv6 && bytes_ == one;
}

bool IpAddress::is_link_local() const {
  if (is_ipv4()) return bytes_[0] == 169 && bytes_[1] == 254;
  return family_ == Family::ipv6 && bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
}

bool IpAddress::is_unspecified() const {
  return !empty() && bytes_ == std::array<std::uint8_t, 16>{};
}

std::optional<IpAddress> IpAddress::plus(std::uint64_t count) const {
  IpAddress result = *this;
  for (std::size_t i = size(); i-- > 0 && count > 0;) {
    const std::uint64_t sum = result.bytes_[i] + (count & 0xff);
    result.bytes_[i] = static_cast<std::uint8_t>(sum & 0xff);
    count = (count >> 8) + (sum >> 8);
  }
  if (count > 0 || empty()) return std::nullopt;
  return result;
}

Result<IpPrefix> IpPrefix::parse_exact(std::string_view text) {
  OVL_TRY(const IpInterface whole, IpInterface::parse(text));
  const IpPrefix prefix = masked(whole.address, whole.length);
  if (prefix.address_ != whole.address) {
    return invalid("a subnet", text, fmt::format("its host bits are set: write {}", prefix.text()));
  }
  return prefix;
}

IpPrefix IpPrefix::masked(const IpAddress& address, std::uint8_t length) {
  IpPrefix prefix;
  prefix.length_ = std::min(length, address.bits());
  std::array<std::uint8_t, 16> bytes = address.bytes();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const int kept = std::clamp(static_cast<int>(prefix.length_) - static_cast<int>(i) * 8, 0, 8);
    bytes[i] = static_cast<std::uint8_t>(bytes[i] & (0xff00 >> kept));
  }
  prefix.address_ = IpAddress::from_bytes(address.family(), bytes.data());
  return prefix;
}

std::string IpPrefix::text() const {
  return empty() ? "none" : fmt::format("{}/{}", address_.text(), length_);
}

bool IpPrefix::contains(const IpAddress& address) const {
  return address.family() == family() && masked(address, length_) == *this;
}

bool IpPrefix::contains(const IpPrefix& other) const {
  return other.length_ >= length_ && contains(other.address_);
}

bool IpPrefix::overlaps(const IpPrefix& other) const {
  return contains(other) || other.contains(*this);
}

IpAddress IpPrefix::last() const {
  std::array<std::uint8_t, 16> bytes = address_.bytes();
  for (std::size_t i = 0; i < address_.size(); ++i) {
    const int kept = std::clamp(static_cast<int>(length_) - static_cast<int>(i) * 8, 0, 8);
    bytes[i] = static_cast<std::uint8_t>(bytes[i] | (0xff >> kept));
  }
  return IpAddress::from_bytes(family(), bytes.data());
}

Result<IpInterface> IpInterface::parse(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) {
    return invalid("an address with a prefix length", text, "write it like 10.0.9.0/24 or fd00:9::/64");
  }
  OVL_TRY(const IpAddress address, IpAddress::parse(text.substr(0, slash)));
  const auto length = parse_length(text.substr(slash + 1), address.bits());
  if (!length) {
    return invalid("an address with a prefix length", text,
                   fmt::format("the length after '/' is 0 to {}", address.bits()));
  }
  return IpInterface{.address = address, .length = *length};
}

std::string IpInterface::text() const {
  return fmt::format("{}/{}", address.text(), length);
}

Result<MacAddress> MacAddress::parse(std::string_view text) {
  const auto bad = [&] { return invalid("a MAC address", text, "write it like 02:42:0a:00:09:02"); };
  if (text.size() != 17) return bad();
  std::array<std::uint8_t, 6> bytes{};
  for (std::size_t i = 0; i < 6; ++i) {
    const int high = hex_digit(text[i * 3]);
    const int low = hex_digit(text[i * 3 + 1]);
    const bool separated = i == 5 || text[i * 3 + 2] == ':' || text[i * 3 + 2] == '-';
    if (high < 0 || low < 0 || !separated) return bad();
    bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return MacAddress(bytes);
}

MacAddress MacAddress::from_ipv4(const IpAddress& address) {
  const auto& b = address.bytes();
  return MacAddress({0x02, 0x42, b[0], b[1], b[2], b[3]});
}

MacAddress MacAddress::from_bytes(const void* six_bytes) {
  std::array<std::uint8_t, 6> bytes{};
  std::memcpy(bytes.data(), six_bytes, bytes.size());
  return MacAddress(bytes);
}

std::string MacAddress::text() const {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", bytes_[0], bytes_[1], bytes_[2], bytes_[3],
                     bytes_[4], bytes_[5]);
}

template <class Tag, std::uint32_t Min, std::uint32_t Max>
Result<Bounded<Tag, Min, Max>> Bounded<Tag, Min, Max>::from(std::int64_t number) {
  if (number < static_cast<std::int64_t>(Min) || number > static_cast<std::int64_t>(Max)) {
    return Error{.code = Errc::manifest,
                 .message = fmt::format("{} is no {}", number, Tag::name),
                 .hint = fmt::format("use {} to {}", Min, Max)};
  }
  return unchecked(static_cast<std::uint32_t>(number));
}

template class Bounded<VniTag, 1, 16'777'215>;
template class Bounded<MtuTag, 68, 65'535>;
template class Bounded<PortTag, 1, 65'535>;

}  // namespace ovl
