// Words to build nft rules from: each answers the expressions of one condition, and rule() strings them
// together. Numbers on the wire are in network order, as the kernel compares bytes.
#pragma once

#include <linux/netfilter/nf_tables.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "model/kinds/nft_table.hpp"

namespace ovl::rules {

using Exprs = std::vector<NftExpr>;

// A part of a set's key: nft's data type number (datatype.h of nftables) and its bytes.
struct KeyPart {
  std::uint32_t type = 0;
  std::uint32_t length = 0;
};

inline constexpr KeyPart kIpv4Key{7, 4};
inline constexpr KeyPart kIpv6Key{8, 16};
inline constexpr KeyPart kMacKey{9, 6};
inline constexpr KeyPart kEtherTypeKey{10, 2};
inline constexpr KeyPart kProtocolKey{12, 1};
inline constexpr KeyPart kPortNumberKey{13, 2};
inline constexpr KeyPart kDeviceKey{41, 16};

// Bytes of a field that nft has no name for. nft can't match such a field with a set of another type, so
// it needs sets of its own, or nobody could load what nft lists.
constexpr KeyPart plain_key(std::uint32_t length) {
  return {4, length};
}

// Where in a packet. A field of the header that NFT_PAYLOAD_* names, in bytes.
struct PacketField {
  std::uint32_t base = 0;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
};

// Fields that both filters read (RFC 791, 768, 8200).
inline constexpr PacketField kSource4{NFT_PAYLOAD_NETWORK_HEADER, 12, 4};
inline constexpr PacketField kSource6{NFT_PAYLOAD_NETWORK_HEADER, 8, 16};
inline constexpr PacketField kDestination4{NFT_PAYLOAD_NETWORK_HEADER, 16, 4};
inline constexpr PacketField kDestination6{NFT_PAYLOAD_NETWORK_HEADER, 24, 16};
inline constexpr PacketField kDestinationPort{NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2};

// Is the element in the set, or, inverted, not.
enum class Membership : std::uint8_t { in, not_in };

Bytes bytes_of(const IfName& name);  // 16, padded with zeros
Bytes bytes_of(const MacAddress& mac);
Bytes bytes_of(const IpAddress& address);
Bytes bytes_of(std::uint16_t number);
// Parts of a concatenated key, each padded to whole 4-byte slots.
Bytes concatenated(std::initializer_list<Bytes> parts);

// A set with its elements sorted and each one once; several parts are a concatenation.
NftSet make_set(std::string name, std::initializer_list<KeyPart> parts, std::vector<Bytes> elements);

Exprs field_is(const PacketField& field, Bytes value);
// Bits under the mask equal value, or, with NFT_CMP_NEQ, differ.
Exprs masked_field(const PacketField& field, Bytes mask, std::uint32_t op, Bytes value);
Exprs field_between(const PacketField& field, Bytes low, Bytes high);
Exprs field_in(const PacketField& field, std::string_view set, Membership wanted = Membership::in);
// One byte or name of the packet's metadata (NFT_META_*) compared with op (NFT_CMP_*).
Exprs meta_is(std::uint32_t key, Bytes value, std::uint32_t op);
Exprs meta_in(std::uint32_t key, std::string_view set, Membership wanted = Membership::in);
// The concatenation of incoming device and fields.
Exprs port_and_fields(std::initializer_list<PacketField> fields, std::string_view set,
                      Membership wanted = Membership::in);
Exprs port_and_field(const PacketField& field, std::string_view set, Membership wanted = Membership::in);
// The packet came in by a VXLAN device, or, behind the routing, is one's own.
Exprs from_vxlan();

Exprs ip_protocol(std::uint8_t protocol);
// All of these conditions.
Exprs joined(std::initializer_list<Exprs> parts);

Exprs accept();
// Why a packet is dropped is for people to see: each reason is a counter of the table, dropped_<reason>.
// reason: a word of letters, the same in every table of ours.
inline constexpr std::string_view kDroppedPrefix = "dropped_";
Exprs drop(std::string_view reason);
// On in the table's chain of this name.
Exprs go_to(std::string_view chain);

NftRule rule(std::string comment, std::initializer_list<Exprs> parts);

// The table with its sets and chains in the order of the model, and the counters that its rules name.
NftTable finished(NftTable table);

}  // namespace ovl::rules
