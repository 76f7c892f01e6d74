// Kind nft_table: one nftables table, whole: written and compared as one. Rules are expressions of
// the kernel's nft virtual machine, so that what we write and what the kernel dumps compare exactly.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "model/base/fields.hpp"

namespace ovl {

enum class NftFamily : std::uint8_t { inet, ip, ip6, bridge };

template <>
struct EnumNames<NftFamily> {
  static constexpr std::array<std::string_view, 4> names{"inet", "ip", "ip6", "bridge"};
};

using Bytes = std::vector<std::uint8_t>;

// The order of a set's elements. By hand: GCC 12 warns inside the vectors' own <=> when it optimises.
inline bool bytes_less(const Bytes& a, const Bytes& b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
}

// slot counts the 4-byte registers: 0 is NFT_REG32_00, at most 15. A concatenation fills consecutive
// slots, each part rounded up to whole slots.
struct NftMeta {  // load: NFT_META_* into slot
  std::uint32_t key = 0;
  std::uint8_t slot = 0;
  bool operator==(const NftMeta&) const = default;
};

struct NftPayload {  // load: NFT_PAYLOAD_*_HEADER, bytes offset..offset+length, into slot
  std::uint32_t base = 0;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
  std::uint8_t slot = 0;
  bool operator==(const NftPayload&) const = default;
};

struct NftCt {  // load: NFT_CT_* into slot
  std::uint32_t key = 0;
  std::uint8_t slot = 0;
  bool operator==(const NftCt&) const = default;
};

struct NftFib {  // load: what a route lookup answers, NFT_FIB_RESULT_*, for NFTA_FIB_F_* of the packet
  std::uint32_t result = 0;
  std::uint32_t flags = 0;
  std::uint8_t slot = 0;
  bool operator==(const NftFib&) const = default;
};

struct NftBitwise {  // slot = (slot & mask) ^ xor, mask.size() bytes
  std::uint8_t slot = 0;
  Bytes mask;
  Bytes xored;
  bool operator==(const NftBitwise&) const = default;
};

struct NftCmp {  // goes on when slot OP data; op is NFT_CMP_*
  std::uint8_t slot = 0;
  std::uint32_t op = 0;
  Bytes data;
  bool operator==(const NftCmp&) const = default;
};

struct NftLookup {  // goes on when slot is (or, inverted, is not) in the set
  std::uint8_t slot = 0;
  std::string set;
  bool inverted = false;
  bool maps = false;  // a map's, whose element says how to go on; never written
  bool operator==(const NftLookup&) const = default;
};

struct NftVerdict {  // NF_ACCEPT or NF_DROP
  bool accept = false;
  bool operator==(const NftVerdict&) const = default;
};

struct NftGoto {  // on in a chain without a hook, and not back
  std::string chain;
  bool operator==(const NftGoto&) const = default;
};

struct NftJump {  // through a chain without a hook, and back; never written
  std::string chain;
  bool operator==(const NftJump&) const = default;
};

struct NftReturn {  // back to where the chain was jumped to from; never written
  bool operator==(const NftReturn&) const = default;
};

struct NftCount {  // counts the packet in the table's counter of this name
  std::string counter;
  bool operator==(const NftCount&) const = default;
};

struct NftNotrack {  // conntrack leaves the packet alone
  bool operator==(const NftNotrack&) const = default;
};

struct NftMasquerade {
  bool operator==(const NftMasquerade&) const = default;
};

// An expression that we never write; whatever holds it differs from our wish.
struct NftOther {
  std::string name;
  bool operator==(const NftOther&) const = default;
};

using NftExpr = std::variant<NftMeta, NftPayload, NftCt, NftFib, NftBitwise, NftCmp, NftLookup, NftVerdict,
                             NftGoto, NftJump, NftReturn, NftCount, NftNotrack, NftMasquerade, NftOther>;

struct NftRule {
  std::string comment;  // user data; says what the rule is for, in the plan too
  std::vector<NftExpr> exprs;

  [[nodiscard]] std::string text() const { return comment; }

  bool operator==(const NftRule&) const = default;
};

struct NftChain {
  std::string name;
  std::string type;        // "filter" or "nat"; empty: no hook, other chains go to it
  std::uint32_t hook = 0;  // NF_INET_*, NF_BR_*
  std::int32_t priority = 0;
  bool policy_accept = true;
  std::vector<NftRule> rules;  // in order
  std::string other;           // what the kernel holds that we never write (flags, counters); empty in a wish

  [[nodiscard]] std::string text() const;
  bool operator==(const NftChain&) const = default;
};

struct NftSet {
  std::string name;
  std::uint32_t key_type = 0;    // nft's data type number, only so that nft(8) prints it well
  std::uint32_t key_length = 0;  // bytes; a concatenation pads each part to 4
  std::vector<Bytes> elements;   // sorted by bytes_less()
  std::string other;             // as in NftChain: flags, timeouts, elements with more than a key

  [[nodiscard]] std::string text() const;
  bool operator==(const NftSet&) const = default;
};

// A named counter. What it has counted is no wish: two with one name are equal.
struct NftCounter {
  std::string name;
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;

  [[nodiscard]] std::string text() const { return name; }

  bool operator==(const NftCounter& other) const { return name == other.name; }
};

struct NftTable {
  // Identity: family and name (nft_table_lookup()).
  NftFamily family = NftFamily::inet;
  std::string name;
  std::vector<NftSet> sets;          // sorted by name
  std::vector<NftChain> chains;      // sorted by name
  std::vector<NftCounter> counters;  // sorted by name
  std::string comment;               // user data; whose table it is
  std::string other;                 // as in NftChain: table flags (dormant), other named objects, flowtables

  static constexpr std::string_view kind = "nft_table";

  static constexpr auto fields() {
    return std::tuple{
        ovl::key("family", &NftTable::family),         ovl::key("name", &NftTable::name),
        ovl::setting("sets", &NftTable::sets),         ovl::setting("chains", &NftTable::chains),
        ovl::setting("counters", &NftTable::counters), ovl::setting("other", &NftTable::other),
        ovl::mark("comment", &NftTable::comment)};
  }

  [[nodiscard]] auto key() const { return std::tie(family, name); }

  bool operator==(const NftTable&) const = default;
};

}  // namespace ovl
