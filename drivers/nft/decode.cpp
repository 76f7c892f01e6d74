#include "drivers/nft/decode.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>

#include "drivers/nft/extensions.hpp"
#include "drivers/nft/socket.hpp"
#include "model/base/handle.hpp"

namespace ovl {

namespace {

using TableHandle = Handle<nftnl_table, nftnl_table_free>;
using ChainHandle = Handle<nftnl_chain, nftnl_chain_free>;
using SetHandle = Handle<nftnl_set, nftnl_set_free>;
using ObjectHandle = Handle<nftnl_obj, nftnl_obj_free>;
using RuleHandle = Handle<nftnl_rule, nftnl_rule_free>;
using ExprIterator = Handle<nftnl_expr_iter, nftnl_expr_iter_destroy>;

constexpr std::string_view kUnreadable = "unreadable";

std::optional<NftFamily> family_of(const nlmsghdr* message) {
  const auto* header = static_cast<const nfgenmsg*>(mnl_nlmsg_get_payload(message));
  switch (header->nfgen_family) {
    case NFPROTO_INET: return NftFamily::inet;
    case NFPROTO_IPV4: return NftFamily::ip;
    case NFPROTO_IPV6: return NftFamily::ip6;
    case NFPROTO_BRIDGE: return NftFamily::bridge;
    default: return std::nullopt;
  }
}

void note(std::string& other, std::string_view what) {
  if (!other.empty()) other += ", ";
  other += what;
}

std::string text(const char* string) {
  return string == nullptr ? std::string() : std::string(string);
}

// The string attribute of a message that libnftnl can't parse.
std::string raw_string(const nlmsghdr* message, std::uint16_t type) {
  std::string found;
  for_each_attribute(message, [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == type) found = mnl_attr_get_str(attribute);
  });
  return found;
}

// User data is type, length, value, each one byte but the value; anybody may have written it.
std::string comment_in(const void* data, std::uint32_t size, std::uint8_t type) {
  const std::span bytes(static_cast<const std::uint8_t*>(data), data == nullptr ? 0 : size);
  for (std::size_t at = 0; at + 2 <= bytes.size();) {
    const std::size_t length = bytes[at + 1];
    if (at + 2 + length > bytes.size()) break;
    const auto value = bytes.subspan(at + 2, length);
    if (bytes[at] == type) return std::string(value.begin(), std::ranges::find(value, std::uint8_t{0}));
    at += 2 + length;
  }
  return {};
}

// ---- expressions ---------------------------------------------------------------------------------------

// Kernel: nft_dump_register() names a slot whose number is a multiple of four by its 16-byte register.
std::optional<std::uint8_t> slot_of(std::uint32_t reg) {
  if (reg >= NFT_REG_1 && reg <= NFT_REG_4) return static_cast<std::uint8_t>((reg - NFT_REG_1) * 4);
  if (reg >= NFT_REG32_00 && reg <= NFT_REG32_15) return static_cast<std::uint8_t>(reg - NFT_REG32_00);
  return std::nullopt;
}

// One expression under its attributes. Precondition of the getters: the attribute is set.
class Attributes {
 public:
  explicit Attributes(const nftnl_expr* expr) : expr_(expr) {}

  [[nodiscard]] bool has(std::uint16_t attribute) const { return nftnl_expr_is_set(expr_, attribute); }

  // All of `wanted` are set, and none of `unwanted`.
  [[nodiscard]] bool exactly(std::initializer_list<std::uint16_t> wanted,
                             std::initializer_list<std::uint16_t> unwanted) const {
    return std::ranges::all_of(wanted, [&](std::uint16_t one) { return has(one); }) &&
           std::ranges::none_of(unwanted, [&](std::uint16_t one) { return has(one); });
  }

  [[nodiscard]] std::uint32_t number(std::uint16_t attribute) const {
    return nftnl_expr_get_u32(expr_, attribute);
  }

  [[nodiscard]] std::optional<std::uint8_t> slot(std::uint16_t attribute) const {
    return slot_of(number(attribute));
  }

  [[nodiscard]] std::string string(std::uint16_t attribute) const {
    return text(nftnl_expr_get_str(expr_, attribute));
  }

  [[nodiscard]] Bytes bytes(std::uint16_t attribute) const {
    std::uint32_t size = 0;
    const auto* data = static_cast<const std::uint8_t*>(nftnl_expr_get(expr_, attribute, &size));
    return data == nullptr ? Bytes() : Bytes(data, data + size);
  }

 private:
  const nftnl_expr* expr_;
};

std::optional<NftExpr> meta(const Attributes& in) {
  if (!in.exactly({NFTNL_EXPR_META_KEY, NFTNL_EXPR_META_DREG}, {NFTNL_EXPR_META_SREG})) return std::nullopt;
  const auto slot = in.slot(NFTNL_EXPR_META_DREG);
  if (!slot) return std::nullopt;
  return NftMeta{.key = in.number(NFTNL_EXPR_META_KEY), .slot = *slot};
}

std::optional<NftExpr> payload(const Attributes& in) {
  if (!in.exactly({NFTNL_EXPR_PAYLOAD_DREG, NFTNL_EXPR_PAYLOAD_BASE, NFTNL_EXPR_PAYLOAD_OFFSET,
                   NFTNL_EXPR_PAYLOAD_LEN},
                  {NFTNL_EXPR_PAYLOAD_SREG})) {
    return std::nullopt;
  }
  const auto slot = in.slot(NFTNL_EXPR_PAYLOAD_DREG);
  if (!slot) return std::nullopt;
  return NftPayload{.base = in.number(NFTNL_EXPR_PAYLOAD_BASE),
                    .offset = in.number(NFTNL_EXPR_PAYLOAD_OFFSET),
                    .length = in.number(NFTNL_EXPR_PAYLOAD_LEN),
                    .slot = *slot};
}

std::optional<NftExpr> conntrack(const Attributes& in) {
  if (!in.exactly({NFTNL_EXPR_CT_KEY, NFTNL_EXPR_CT_DREG}, {NFTNL_EXPR_CT_SREG, NFTNL_EXPR_CT_DIR})) {
    return std::nullopt;
  }
  const auto slot = in.slot(NFTNL_EXPR_CT_DREG);
  if (!slot) return std::nullopt;
  return NftCt{.key = in.number(NFTNL_EXPR_CT_KEY), .slot = *slot};
}

std::optional<NftExpr> route(const Attributes& in) {
  if (!in.exactly({NFTNL_EXPR_FIB_RESULT, NFTNL_EXPR_FIB_FLAGS, NFTNL_EXPR_FIB_DREG}, {}))
    return std::nullopt;
  const auto slot = in.slot(NFTNL_EXPR_FIB_DREG);
  if (!slot) return std::nullopt;
  return NftFib{
      .result = in.number(NFTNL_EXPR_FIB_RESULT), .flags = in.number(NFTNL_EXPR_FIB_FLAGS), .slot = *slot};
}

std::optional<NftExpr> bitwise(const Attributes& in) {
  if (!in.exactly(
          {NFTNL_EXPR_BITWISE_SREG, NFTNL_EXPR_BITWISE_DREG, NFTNL_EXPR_BITWISE_MASK, NFTNL_EXPR_BITWISE_XOR},
          {NFTNL_EXPR_BITWISE_DATA})) {
    return std::nullopt;
  }
  const bool plain = !in.has(NFTNL_EXPR_BITWISE_OP) || in.number(NFTNL_EXPR_BITWISE_OP) == NFT_BITWISE_BOOL;
  const auto slot = in.slot(NFTNL_EXPR_BITWISE_DREG);
  if (!plain || !slot || slot != in.slot(NFTNL_EXPR_BITWISE_SREG)) return std::nullopt;
  return NftBitwise{
      .slot = *slot, .mask = in.bytes(NFTNL_EXPR_BITWISE_MASK), .xored = in.bytes(NFTNL_EXPR_BITWISE_XOR)};
}

std::optional<NftExpr> compare(const Attributes& in) {
  if (!in.exactly({NFTNL_EXPR_CMP_SREG, NFTNL_EXPR_CMP_OP, NFTNL_EXPR_CMP_DATA}, {})) return std::nullopt;
  const auto slot = in.slot(NFTNL_EXPR_CMP_SREG);
  if (!slot) return std::nullopt;
  return NftCmp{.slot = *slot, .op = in.number(NFTNL_EXPR_CMP_OP), .data = in.bytes(NFTNL_EXPR_CMP_DATA)};
}

std::optional<NftExpr> lookup(const Attributes& in) {
  if (!in.exactly({NFTNL_EXPR_LOOKUP_SREG, NFTNL_EXPR_LOOKUP_SET}, {})) return std::nullopt;
  const std::uint32_t flags = in.has(NFTNL_EXPR_LOOKUP_FLAGS) ? in.number(NFTNL_EXPR_LOOKUP_FLAGS) : 0;
  const auto slot = in.slot(NFTNL_EXPR_LOOKUP_SREG);
  if (!slot || (flags & ~std::uint32_t{NFT_LOOKUP_F_INV}) != 0) return std::nullopt;
  return NftLookup{.slot = *slot,
                   .set = in.string(NFTNL_EXPR_LOOKUP_SET),
                   .inverted = (flags & NFT_LOOKUP_F_INV) != 0,
                   .maps = in.has(NFTNL_EXPR_LOOKUP_DREG)};
}

std::optional<NftExpr> verdict(const Attributes& in) {
  if (!in.exactly({NFTNL_EXPR_IMM_VERDICT}, {NFTNL_EXPR_IMM_DATA})) return std::nullopt;
  const std::uint32_t code = in.number(NFTNL_EXPR_IMM_VERDICT);
  if (in.has(NFTNL_EXPR_IMM_CHAIN)) {
    std::string chain = in.string(NFTNL_EXPR_IMM_CHAIN);
    if (code == static_cast<std::uint32_t>(NFT_JUMP)) return NftJump{.chain = std::move(chain)};
    if (code != static_cast<std::uint32_t>(NFT_GOTO)) return std::nullopt;
    return NftGoto{.chain = std::move(chain)};
  }
  if (code == static_cast<std::uint32_t>(NFT_RETURN)) return NftReturn{};
  if (code != NF_ACCEPT && code != NF_DROP) return std::nullopt;
  return NftVerdict{.accept = code == NF_ACCEPT};
}

std::optional<NftExpr> count(const Attributes& in) {
  if (!in.exactly({NFTNL_EXPR_OBJREF_IMM_TYPE, NFTNL_EXPR_OBJREF_IMM_NAME}, {NFTNL_EXPR_OBJREF_SET_NAME})) {
    return std::nullopt;
  }
  if (in.number(NFTNL_EXPR_OBJREF_IMM_TYPE) != NFT_OBJECT_COUNTER) return std::nullopt;
  return NftCount{.counter = in.string(NFTNL_EXPR_OBJREF_IMM_NAME)};
}

std::optional<NftExpr> masquerade(const Attributes& in) {
  if (!in.exactly({},
                  {NFTNL_EXPR_MASQ_FLAGS, NFTNL_EXPR_MASQ_REG_PROTO_MIN, NFTNL_EXPR_MASQ_REG_PROTO_MAX})) {
    return std::nullopt;
  }
  return NftMasquerade{};
}

// What iptables-nft has no expression for.
std::optional<NftExpr> extension(const Attributes& in) {
  if (!in.has(NFTNL_EXPR_MT_NAME)) return std::nullopt;
  const Bytes info = in.has(NFTNL_EXPR_MT_INFO) ? in.bytes(NFTNL_EXPR_MT_INFO) : Bytes();
  const std::uint32_t revision = in.has(NFTNL_EXPR_MT_REV) ? in.number(NFTNL_EXPR_MT_REV) : 0;
  return NftOther{.name = name_of_match(in.string(NFTNL_EXPR_MT_NAME), revision, info)};
}

std::optional<NftExpr> target(const Attributes& in) {
  if (!in.has(NFTNL_EXPR_TG_NAME)) return std::nullopt;
  return NftOther{.name = name_of_target(in.string(NFTNL_EXPR_TG_NAME))};
}

NftExpr decode_expr(const nftnl_expr* expr) {
  const Attributes in(expr);
  const std::string name = text(nftnl_expr_get_str(expr, NFTNL_EXPR_NAME));
  std::optional<NftExpr> known;
  if (name == "meta") known = meta(in);
  if (name == "payload") known = payload(in);
  if (name == "ct") known = conntrack(in);
  if (name == "bitwise") known = bitwise(in);
  if (name == "cmp") known = compare(in);
  if (name == "lookup") known = lookup(in);
  if (name == "immediate") known = verdict(in);
  if (name == "fib") known = route(in);
  if (name == "objref") known = count(in);
  if (name == "notrack") known = NftNotrack{};
  if (name == "masq") known = masquerade(in);
  if (name == "match") known = extension(in);
  if (name == "target") known = target(in);
  return known ? std::move(*known) : NftExpr(NftOther{.name = name});
}

// ---- elements ------------------------------------------------------------------------------------------

std::optional<Bytes> key_value(const nlattr* key) {
  std::optional<Bytes> value;
  for_each_attribute(key, [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) != NFTA_DATA_VALUE) return;
    const auto* data = static_cast<const std::uint8_t*>(mnl_attr_get_payload(attribute));
    value = Bytes(data, data + mnl_attr_get_payload_len(attribute));
  });
  return value;
}

void decode_element(const nlattr* element, NftSet& set) {
  for_each_attribute(element, [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == NFTA_SET_ELEM_KEY) {
      std::optional<Bytes> key = key_value(attribute);
      if (key) set.elements.push_back(std::move(*key));
    } else if (set.other.find("element") == std::string::npos) {
      note(set.other, fmt::format("element attribute {}", mnl_attr_get_type(attribute)));
    }
  });
}

}  // namespace

DecodedTable decode_table(const nlmsghdr* message) {
  const TableHandle handle(nftnl_table_alloc());
  DecodedTable out;
  out.table.family = family_of(message).value_or(NftFamily::inet);
  if (nftnl_table_nlmsg_parse(message, handle.get()) < 0) {
    out.table.name = raw_string(message, NFTA_TABLE_NAME);
    out.table.other = kUnreadable;
    return out;
  }
  out.table.name = text(nftnl_table_get_str(handle.get(), NFTNL_TABLE_NAME));
  out.use = nftnl_table_get_u32(handle.get(), NFTNL_TABLE_USE);
  const std::uint32_t flags = nftnl_table_is_set(handle.get(), NFTNL_TABLE_FLAGS)
                                  ? nftnl_table_get_u32(handle.get(), NFTNL_TABLE_FLAGS)
                                  : 0;
  if (flags != 0) out.table.other = fmt::format("flags {:#x}", flags);
  std::uint32_t size = 0;
  const void* data = nftnl_table_get_data(handle.get(), NFTNL_TABLE_USERDATA, &size);
  out.table.comment = comment_in(data, size, NFTNL_UDATA_TABLE_COMMENT);
  return out;
}

DecodedChain decode_chain(const nlmsghdr* message) {
  const ChainHandle handle(nftnl_chain_alloc());
  const nftnl_chain* chain = handle.get();
  DecodedChain out;
  out.family = family_of(message);
  if (nftnl_chain_nlmsg_parse(message, handle.get()) < 0) {
    out.table = raw_string(message, NFTA_CHAIN_TABLE);
    out.chain.name = raw_string(message, NFTA_CHAIN_NAME);
    out.chain.other = kUnreadable;
    return out;
  }
  out.table = text(nftnl_chain_get_str(chain, NFTNL_CHAIN_TABLE));
  out.chain.name = text(nftnl_chain_get_str(chain, NFTNL_CHAIN_NAME));
  if (nftnl_chain_is_set(chain, NFTNL_CHAIN_HOOKNUM)) {
    out.chain.type = text(nftnl_chain_get_str(chain, NFTNL_CHAIN_TYPE));
    out.chain.hook = nftnl_chain_get_u32(chain, NFTNL_CHAIN_HOOKNUM);
    out.chain.priority = nftnl_chain_get_s32(chain, NFTNL_CHAIN_PRIO);
    out.chain.policy_accept = nftnl_chain_get_u32(chain, NFTNL_CHAIN_POLICY) == NF_ACCEPT;
  }
  const std::uint32_t flags =
      nftnl_chain_is_set(chain, NFTNL_CHAIN_FLAGS) ? nftnl_chain_get_u32(chain, NFTNL_CHAIN_FLAGS) : 0;
  if ((flags & ~std::uint32_t{NFT_CHAIN_BASE}) != 0) note(out.chain.other, fmt::format("flags {:#x}", flags));
  if (nftnl_chain_is_set(chain, NFTNL_CHAIN_PACKETS)) note(out.chain.other, "counter");
  if (nftnl_chain_is_set(chain, NFTNL_CHAIN_DEV) || nftnl_chain_is_set(chain, NFTNL_CHAIN_DEVICES)) {
    note(out.chain.other, "devices");
  }
  return out;
}

DecodedRule decode_rule(const nlmsghdr* message) {
  const RuleHandle handle(nftnl_rule_alloc());
  DecodedRule out;
  // libnftnl gives up on a rule with an expression that it doesn't know.
  if (nftnl_rule_nlmsg_parse(message, handle.get()) < 0) {
    out.table = raw_string(message, NFTA_RULE_TABLE);
    out.chain = raw_string(message, NFTA_RULE_CHAIN);
    out.rule.exprs.push_back(NftOther{.name = std::string(kUnreadable)});
    return out;
  }
  out.table = text(nftnl_rule_get_str(handle.get(), NFTNL_RULE_TABLE));
  out.chain = text(nftnl_rule_get_str(handle.get(), NFTNL_RULE_CHAIN));
  std::uint32_t size = 0;
  const void* data = nftnl_rule_get_data(handle.get(), NFTNL_RULE_USERDATA, &size);
  out.rule.comment = comment_in(data, size, NFTNL_UDATA_RULE_COMMENT);
  const ExprIterator iterator(nftnl_expr_iter_create(handle.get()));
  while (const nftnl_expr* expr = nftnl_expr_iter_next(iterator.get())) {
    out.rule.exprs.push_back(decode_expr(expr));
  }
  return out;
}

DecodedCounter decode_counter(const nlmsghdr* message) {
  const ObjectHandle handle(nftnl_obj_alloc());
  DecodedCounter out;
  if (nftnl_obj_nlmsg_parse(message, handle.get()) < 0) return out;
  if (nftnl_obj_get_u32(handle.get(), NFTNL_OBJ_TYPE) != NFT_OBJECT_COUNTER) return out;
  out.table = text(nftnl_obj_get_str(handle.get(), NFTNL_OBJ_TABLE));
  out.counter = {.name = text(nftnl_obj_get_str(handle.get(), NFTNL_OBJ_NAME)),
                 .packets = nftnl_obj_get_u64(handle.get(), NFTNL_OBJ_CTR_PKTS),
                 .bytes = nftnl_obj_get_u64(handle.get(), NFTNL_OBJ_CTR_BYTES)};
  return out;
}

NftSet decode_set(const nlmsghdr* message) {
  const SetHandle handle(nftnl_set_alloc());
  NftSet out;
  if (nftnl_set_nlmsg_parse(message, handle.get()) < 0) {
    out.name = raw_string(message, NFTA_SET_NAME);
    out.other = kUnreadable;
    return out;
  }
  const nftnl_set* set = handle.get();
  out.name = text(nftnl_set_get_str(set, NFTNL_SET_NAME));
  out.key_type = nftnl_set_get_u32(set, NFTNL_SET_KEY_TYPE);
  out.key_length = nftnl_set_get_u32(set, NFTNL_SET_KEY_LEN);
  const std::uint32_t flags =
      nftnl_set_is_set(set, NFTNL_SET_FLAGS) ? nftnl_set_get_u32(set, NFTNL_SET_FLAGS) : 0;
  if (flags != 0) note(out.other, fmt::format("flags {:#x}", flags));
  // Ours have a power of two; which one follows from the elements.
  const bool sized = nftnl_set_is_set(set, NFTNL_SET_DESC_SIZE);
  if (sized && !std::has_single_bit(nftnl_set_get_u32(set, NFTNL_SET_DESC_SIZE))) note(out.other, "size");
  for (const std::uint16_t attribute :
       {NFTNL_SET_TIMEOUT, NFTNL_SET_GC_INTERVAL, NFTNL_SET_POLICY, NFTNL_SET_DATA_LEN, NFTNL_SET_OBJ_TYPE,
        NFTNL_SET_EXPR, NFTNL_SET_EXPRESSIONS}) {
    if (nftnl_set_is_set(set, attribute)) note(out.other, fmt::format("set attribute {}", attribute));
  }
  return out;
}

void decode_elements(const nlmsghdr* message, NftSet& set) {
  for_each_attribute(message, [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) != NFTA_SET_ELEM_LIST_ELEMENTS) return;
    for_each_attribute(attribute, [&](const nlattr* element) { decode_element(element, set); });
  });
}

std::uint32_t decode_generation(const nlmsghdr* message) {
  std::uint32_t generation = 0;
  for_each_attribute(message, [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == NFTA_GEN_ID) generation = ntohl(mnl_attr_get_u32(attribute));
  });
  return generation;
}

}  // namespace ovl
