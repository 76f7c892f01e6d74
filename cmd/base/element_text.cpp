// The kernel knows a set's elements as bytes. What they mean stands in NFTA_SET_KEY_TYPE, a number that it
// keeps for user space and never looks at: nft prints by it, and ovl writes the same numbers. Sets of others
// may have any there, so nothing is read further than there are bytes.
#include "cmd/base/element_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

namespace ovl {

namespace {

// nft's data types (datatype.h of nftables), as reconcile/objects/rules.hpp writes them into keys.
constexpr std::uint32_t kInteger = 4;
constexpr std::uint32_t kIpv4 = 7;
constexpr std::uint32_t kIpv6 = 8;
constexpr std::uint32_t kEther = 9;
constexpr std::uint32_t kEtherType = 10;
constexpr std::uint32_t kProtocol = 12;
constexpr std::uint32_t kService = 13;
constexpr std::uint32_t kDevice = 41;
constexpr std::uint32_t kTypeBits = 6;  // per part of a concatenation
constexpr std::uint32_t kTypeMask = (1U << kTypeBits) - 1;

constexpr std::size_t kMacBytes = 6;
constexpr std::size_t kIpv6Bytes = 16;

std::string hex_text(const Bytes& bytes) {
  std::string out = "0x";
  for (const std::uint8_t byte : bytes) out += fmt::format("{:02x}", byte);
  return out;
}

// Network byte order, as in the packets that they are compared with.
std::uint64_t number_of(const Bytes& bytes) {
  std::uint64_t out = 0;
  for (const std::uint8_t byte : bytes) out = (out << 8U) | byte;
  return out;
}

std::string device_text(const Bytes& bytes) {
  // The kernel fills names up with zeros to IFNAMSIZ.
  const auto end = std::ranges::find(bytes, std::uint8_t{0});
  const bool padded = std::all_of(end, bytes.end(), [](std::uint8_t byte) { return byte == 0; });
  // Two elements must never have the same text: what stands behind the zero would be lost.
  return padded && end != bytes.begin() ? std::string(bytes.begin(), end) : hex_text(bytes);
}

// A field that nft has no type for: of ours a VNI, a MAC or an IPv6 address.
std::string integer_text(const Bytes& bytes) {
  // A VNI is three bytes of the header.
  if (bytes.size() <= sizeof(std::uint32_t)) return std::to_string(number_of(bytes));
  if (bytes.size() == kMacBytes) return MacAddress::from_bytes(bytes.data()).text();
  if (bytes.size() == kIpv6Bytes) return IpAddress::from_bytes(Family::ipv6, bytes.data()).text();
  return hex_text(bytes);
}

// The bytes of a key's part; 0: as many as there are.
std::size_t length_of(std::uint32_t type) {
  switch (type) {
    case kIpv4: return 4;
    case kIpv6: return kIpv6Bytes;
    case kEther: return kMacBytes;
    case kEtherType:
    case kService: return 2;
    case kProtocol: return 1;
    case kDevice: return 16;
    default: return 0;
  }
}

std::string part_text(std::uint32_t type, const Bytes& bytes) {
  // A type that does not fit is somebody's nonsense, and hex is what is certain.
  if (length_of(type) != 0 && length_of(type) != bytes.size()) return hex_text(bytes);
  switch (type) {
    case kIpv4: return IpAddress::from_bytes(Family::ipv4, bytes.data()).text();
    case kIpv6: return IpAddress::from_bytes(Family::ipv6, bytes.data()).text();
    case kEther: return MacAddress::from_bytes(bytes.data()).text();
    case kService:
    case kProtocol: return std::to_string(number_of(bytes));
    case kDevice: return device_text(bytes);
    case kInteger: return integer_text(bytes);
    default: return hex_text(bytes);
  }
}

std::vector<std::uint32_t> parts_of(std::uint32_t key_type) {
  std::vector<std::uint32_t> out;
  for (; key_type != 0; key_type >>= kTypeBits) out.push_back(key_type & kTypeMask);
  // The last part is in the lowest bits (concat_subtype_add() of nftables).
  std::ranges::reverse(out);
  return out;
}

// The kernel has each part of a concatenation in whole registers of four bytes.
constexpr std::size_t padded(std::size_t length) {
  return (length + 3) / 4 * 4;
}

// The part at `at` of a concatenation, without the zeros that fill it up; none: it is not so made.
std::optional<Bytes> part_at(const Bytes& element, std::size_t at, std::uint32_t type, bool last) {
  std::size_t length = length_of(type);
  // A part without a length of its own can only be the last, and takes what is left.
  if (length == 0 && last)
    length = element.size() - at == padded(kMacBytes) ? kMacBytes : element.size() - at;
  const std::size_t end = at + padded(length);
  if (length == 0 || end > element.size() || (last && end != element.size())) return std::nullopt;
  const auto begin = element.begin() + static_cast<std::ptrdiff_t>(at);
  const auto fill = begin + static_cast<std::ptrdiff_t>(length);
  const auto stop = element.begin() + static_cast<std::ptrdiff_t>(end);
  // Not zero: then it is not made so, and two elements could read the same.
  if (std::any_of(fill, stop, [](std::uint8_t byte) { return byte != 0; })) return std::nullopt;
  return Bytes(begin, fill);
}

// As nft writes a concatenation.
std::string concatenation_text(const std::vector<std::uint32_t>& types, const Bytes& element) {
  std::string out;
  std::size_t at = 0;
  for (std::size_t i = 0; i < types.size(); ++i) {
    const auto part = part_at(element, at, types[i], i + 1 == types.size());
    // All of it: half in words and half in hex would look as if it were understood.
    if (!part) return hex_text(element);
    out += (i == 0 ? "" : " . ") + part_text(types[i], *part);
    at += padded(part->size());
  }
  return out;
}

std::string with_other(const std::string& text, const std::string& other) {
  return other.empty() ? text : fmt::format("{}, {}", text, other);
}

}  // namespace

std::string element_text(const NftSet& set, const Bytes& element) {
  if (set.key_type == kAsText) return {element.begin(), element.end()};
  const std::vector<std::uint32_t> types = parts_of(set.key_type);
  if (types.size() > 1) return concatenation_text(types, element);
  return types.empty() ? hex_text(element) : part_text(types.front(), element);
}

std::string attributes_of(const NftSet& set) {
  if (set.key_type == kAsText) return set.other;
  return with_other(fmt::format("key type {} of {} bytes", set.key_type, set.key_length), set.other);
}

std::string attributes_of(const NftChain& chain) {
  if (chain.hook == kAsText) return chain.other;
  const std::string_view policy = chain.policy_accept ? "accept" : "drop";
  const std::string text = chain.type.empty() ? "no hook"
                                              : fmt::format("{} hook {} priority {} policy {}", chain.type,
                                                            chain.hook, chain.priority, policy);
  return with_other(text, chain.other);
}

std::string word_for_whole(const NftSet& set) {
  return set.key_type == kAsText ? set.other : "a set";
}

std::string word_for_whole(const NftChain& chain) {
  return attributes_of(chain);
}

std::string rule_text(const NftRule& rule) {
  // ovl's own rules all have one; to print expressions as nft does would take nft.
  return rule.comment.empty() ? "a rule that is not ovl's" : rule.comment;
}

}  // namespace ovl
