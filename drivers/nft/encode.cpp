#include "drivers/nft/encode.hpp"

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

#include <algorithm>
#include <bit>

#include "model/base/handle.hpp"

namespace ovl {

namespace {

using TableHandle = Handle<nftnl_table, nftnl_table_free>;
using ChainHandle = Handle<nftnl_chain, nftnl_chain_free>;
using SetHandle = Handle<nftnl_set, nftnl_set_free>;
using ObjectHandle = Handle<nftnl_obj, nftnl_obj_free>;
using RuleHandle = Handle<nftnl_rule, nftnl_rule_free>;
using ExprHandle = Handle<nftnl_expr, nftnl_expr_free>;
using UserData = Handle<nftnl_udata_buf, nftnl_udata_buf_free>;

// Kernel: NFT_NAME_MAXLEN, NFT_RULE_MAXEXPRS, NFT_DATA_VALUE_MAXLEN, 16 registers of 4 bytes.
constexpr std::size_t kMaxName = 255;
constexpr std::size_t kMaxExprs = 128;
constexpr std::size_t kMaxData = 64;
constexpr std::uint8_t kSlots = 16;
// Kernel: NFT_USERDATA_MAXLEN (256), less type, length and the final zero. nft(8) lists any length, but
// reads back at most 127 bytes.
constexpr std::size_t kMaxComment = 253;
constexpr std::uint32_t kUserDataBytes = 256;

// Elements per message: a nest's length is 16 bits (64 KiB), one element takes at most 80 bytes.
constexpr std::size_t kElementsPerMessage = 500;

// ---- what the kernel can't take ---------------------------------------------------------------------

Status refuse(const NftTable& table, std::string_view what) {
  return Error{.code = Errc::bug,
               .message = fmt::format("{}: {}", table_label(table.family, table.name), what)};
}

bool fits(const NftMeta& expr) {
  return expr.slot < kSlots;
}

bool fits(const NftPayload& expr) {
  return expr.length > 0 && expr.length <= kMaxData && expr.slot < kSlots;
}

bool fits(const NftCt& expr) {
  return expr.slot < kSlots;
}

bool fits(const NftFib& expr) {
  return expr.slot < kSlots;
}

bool fits(const NftBitwise& expr) {
  return expr.slot < kSlots && !expr.mask.empty() && expr.mask.size() <= kMaxData &&
         expr.mask.size() == expr.xored.size();
}

bool fits(const NftCmp& expr) {
  return expr.slot < kSlots && !expr.data.empty() && expr.data.size() <= kMaxData;
}

bool fits(const NftLookup& expr) {
  return expr.slot < kSlots && !expr.set.empty() && expr.set.size() <= kMaxName && !expr.maps;
}

bool fits(const NftVerdict&) {
  return true;
}

bool fits(const NftGoto& expr) {
  return !expr.chain.empty() && expr.chain.size() <= kMaxName;
}

bool fits(const NftJump&) {
  return false;
}

bool fits(const NftReturn&) {
  return false;
}

bool fits(const NftCount& expr) {
  return !expr.counter.empty() && expr.counter.size() <= kMaxName;
}

bool fits(const NftNotrack&) {
  return true;
}

bool fits(const NftMasquerade&) {
  return true;
}

bool fits(const NftOther&) {
  return false;
}

bool fits(const NftRule& rule) {
  return rule.comment.size() <= kMaxComment && rule.exprs.size() <= kMaxExprs &&
         std::ranges::all_of(rule.exprs, [](const NftExpr& expr) {
           return std::visit([](const auto& one) { return fits(one); }, expr);
         });
}

bool fits(const NftChain& chain) {
  return !chain.name.empty() && chain.name.size() <= kMaxName && chain.other.empty();
}

bool fits(const NftSet& set) {
  return !set.name.empty() && set.name.size() <= kMaxName && set.other.empty() && set.key_length > 0 &&
         set.key_length <= kMaxData && std::ranges::all_of(set.elements, [&](const Bytes& element) {
           return element.size() == set.key_length;
         });
}

Status check(const NftTable& table) {
  if (table.name.empty() || table.name.size() > kMaxName) return refuse(table, "its name is too long");
  if (table.comment.size() > kMaxComment || !table.other.empty()) return refuse(table, "it can't be written");
  for (const NftSet& set : table.sets) {
    if (!fits(set)) return refuse(table, fmt::format("set {} can't be written", set.name));
  }
  for (const NftCounter& counter : table.counters) {
    if (!fits(NftCount{counter.name})) return refuse(table, "a counter's name is too long");
  }
  for (const NftChain& chain : table.chains) {
    if (!fits(chain)) return refuse(table, fmt::format("chain {} can't be written", chain.name));
    for (const NftRule& rule : chain.rules) {
      if (!fits(rule)) return refuse(table, fmt::format("rule \"{}\" can't be written", rule.comment));
    }
  }
  return {};
}

// ---- user data: only for people who read nft list ------------------------------------------------------

UserData comment_data(std::uint8_t type, const std::string& comment) {
  UserData data(nftnl_udata_buf_alloc(kUserDataBytes));
  nftnl_udata_put_strz(data.get(), type, comment.c_str());
  return data;
}

// nft's data type numbers and byte orders (its include/datatype.h): what a listing prints a key by.
constexpr std::uint32_t kTypeInteger = 4;
constexpr std::uint32_t kTypeIfName = 41;
constexpr std::uint32_t kTypeMask = 63;       // six bits per part of a concatenation
constexpr std::uint32_t kConcatenation = 64;  // at least
constexpr std::uint32_t kMixedOrder = 0;
constexpr std::uint32_t kHostOrder = 1;
constexpr std::uint32_t kBigEndian = 2;
// Its expression numbers (include/expression.h).
constexpr std::uint32_t kPayloadExpression = 7;
constexpr std::uint32_t kMetaExpression = 9;
constexpr std::uint32_t kConcatExpression = 13;

bool is_load(const NftExpr& expr) {
  return std::holds_alternative<NftMeta>(expr) || std::holds_alternative<NftPayload>(expr);
}

// The loads directly before the rule's first lookup of the set: the parts of its key.
std::vector<NftExpr> key_loads(const NftRule& rule, const std::string& set) {
  std::vector<NftExpr> loads;
  for (const NftExpr& expr : rule.exprs) {
    const auto* lookup = std::get_if<NftLookup>(&expr);
    if (lookup != nullptr && lookup->set == set) return loads;
    if (is_load(expr)) {
      loads.push_back(expr);
    } else {
      loads.clear();
    }
  }
  return {};
}

std::vector<NftExpr> key_loads(const NftTable& table, const std::string& set) {
  for (const NftChain& chain : table.chains) {
    for (const NftRule& rule : chain.rules) {
      std::vector<NftExpr> loads = key_loads(rule, set);
      if (!loads.empty()) return loads;
    }
  }
  return {};
}

void put_source(nftnl_udata_buf* data, const NftExpr& load) {
  const auto* meta = std::get_if<NftMeta>(&load);
  nftnl_udata_put_u32(data, NFTNL_UDATA_SET_TYPEOF_EXPR,
                      meta != nullptr ? kMetaExpression : kPayloadExpression);
  nftnl_udata* description = nftnl_udata_nest_start(data, NFTNL_UDATA_SET_TYPEOF_DATA);
  if (meta != nullptr) nftnl_udata_put_u32(data, 0, meta->key);
  if (const auto* payload = std::get_if<NftPayload>(&load)) {
    const std::uint32_t header = payload->base + 1;  // nft's PROTO_BASE_* are NFT_PAYLOAD_*_HEADER + 1
    const std::array<std::uint32_t, 5> raw{0, 0, header, payload->offset * 8, payload->length * 8};
    std::uint8_t type = 0;
    for (const std::uint32_t number : raw) nftnl_udata_put_u32(data, type++, number);
  }
  nftnl_udata_nest_end(data, description);
}

// A key of plain bytes has no type of its own: nft prints, and reads again, only "typeof @th,96,24".
void put_typeof(nftnl_udata_buf* data, const std::vector<NftExpr>& loads) {
  nftnl_udata* of = nftnl_udata_nest_start(data, NFTNL_UDATA_SET_KEY_TYPEOF);
  if (loads.size() == 1) {
    put_source(data, loads.front());
  } else {
    nftnl_udata_put_u32(data, NFTNL_UDATA_SET_TYPEOF_EXPR, kConcatExpression);
    nftnl_udata* parts = nftnl_udata_nest_start(data, NFTNL_UDATA_SET_TYPEOF_DATA);
    std::uint8_t type = 0;
    for (const NftExpr& load : loads) {
      nftnl_udata* part = nftnl_udata_nest_start(data, type++);
      put_source(data, load);
      nftnl_udata_nest_end(data, part);
    }
    nftnl_udata_nest_end(data, parts);
  }
  nftnl_udata_nest_end(data, of);
}

UserData set_data(const NftTable& table, const NftSet& set) {
  UserData data(nftnl_udata_buf_alloc(kUserDataBytes));
  const std::uint32_t order = set.key_type >= kConcatenation ? kMixedOrder
                              : set.key_type == kTypeIfName  ? kHostOrder
                                                             : kBigEndian;
  nftnl_udata_put_u32(data.get(), NFTNL_UDATA_SET_KEYBYTEORDER, order);
  const bool plain = (set.key_type & kTypeMask) == kTypeInteger;
  const std::vector<NftExpr> loads = plain ? key_loads(table, set.name) : std::vector<NftExpr>();
  // More parts than any key of ours has would not fit into the user data.
  if (!loads.empty() && loads.size() <= 4) put_typeof(data.get(), loads);
  return data;
}

// ---- expressions ---------------------------------------------------------------------------------------

std::uint32_t register_of(std::uint8_t slot) {
  return std::uint32_t{NFT_REG32_00} + slot;
}

ExprHandle expression(const char* name) {
  return ExprHandle(nftnl_expr_alloc(name));
}

ExprHandle make(const NftMeta& meta) {
  ExprHandle expr = expression("meta");
  nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_META_KEY, meta.key);
  nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_META_DREG, register_of(meta.slot));
  return expr;
}

ExprHandle make(const NftPayload& payload) {
  ExprHandle expr = expression("payload");
  nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_PAYLOAD_BASE, payload.base);
  nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_PAYLOAD_OFFSET, payload.offset);
  nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_PAYLOAD_LEN, payload.length);
  nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_PAYLOAD_DREG, register_of(payload.slot));
  return expr;
}

ExprHandle make(const NftCt& ct) {
  ExprHandle expr = expression("ct");
  nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_CT_KEY, ct.key);
  nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_CT_DREG, register_of(ct.slot));
  return expr;
}

ExprHandle make(const NftFib& fib) {
  ExprHandle expr = expression("fib");
  nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_FIB_RESULT, fib.result);
  nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_FIB_FLAGS, fib.flags);
  nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_FIB_DREG, register_of(fib.slot));
  return expr;
}

void set_bytes(const ExprHandle& expr, std::uint16_t attribute, const Bytes& bytes) {
  nftnl_expr_set_data(expr.get(), attribute, bytes.data(), static_cast<std::uint32_t>(bytes.size()));
}

ExprHandle make(const NftBitwise& bitwise) {
  ExprHandle expr = expression("bitwise");
  nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_BITWISE_SREG, register_of(bitwise.slot));
  nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_BITWISE_DREG, register_of(bitwise.slot));
  nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_BITWISE_LEN, static_cast<std::uint32_t>(bitwise.mask.size()));
  set_bytes(expr, NFTNL_EXPR_BITWISE_MASK, bitwise.mask);
  set_bytes(expr, NFTNL_EXPR_BITWISE_XOR, bitwise.xored);
  return expr;
}

ExprHandle make(const NftCmp& cmp) {
  ExprHandle expr = expression("cmp");
  nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_CMP_SREG, register_of(cmp.slot));
  nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_CMP_OP, cmp.op);
  set_bytes(expr, NFTNL_EXPR_CMP_DATA, cmp.data);
  return expr;
}

ExprHandle make(const NftLookup& lookup) {
  ExprHandle expr = expression("lookup");
  nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_LOOKUP_SREG, register_of(lookup.slot));
  nftnl_expr_set_str(expr.get(), NFTNL_EXPR_LOOKUP_SET, lookup.set.c_str());
  if (lookup.inverted) nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
  return expr;
}

ExprHandle make(const NftVerdict& verdict) {
  ExprHandle expr = expression("immediate");
  nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
  nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_IMM_VERDICT, verdict.accept ? NF_ACCEPT : NF_DROP);
  return expr;
}

ExprHandle make(const NftGoto& on) {
  ExprHandle expr = expression("immediate");
  nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
  nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_IMM_VERDICT, static_cast<std::uint32_t>(NFT_GOTO));
  nftnl_expr_set_str(expr.get(), NFTNL_EXPR_IMM_CHAIN, on.chain.c_str());
  return expr;
}

// Nothing with one of these gets past fits().
ExprHandle make(const NftJump&) {
  return expression("immediate");
}

ExprHandle make(const NftReturn&) {
  return expression("immediate");
}

ExprHandle make(const NftCount& count) {
  ExprHandle expr = expression("objref");
  nftnl_expr_set_u32(expr.get(), NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
  nftnl_expr_set_str(expr.get(), NFTNL_EXPR_OBJREF_IMM_NAME, count.counter.c_str());
  return expr;
}

ExprHandle make(const NftNotrack&) {
  return expression("notrack");
}

ExprHandle make(const NftMasquerade&) {
  return expression("masq");
}

ExprHandle make(const NftOther& other) {
  return expression(other.name.c_str());
}

// ---- messages ------------------------------------------------------------------------------------------

void add_table_message(Batch& batch, const NftTable& table) {
  const TableHandle handle(nftnl_table_alloc());
  nftnl_table_set_str(handle.get(), NFTNL_TABLE_NAME, table.name.c_str());
  if (!table.comment.empty()) {
    const UserData data = comment_data(NFTNL_UDATA_TABLE_COMMENT, table.comment);
    nftnl_table_set_data(handle.get(), NFTNL_TABLE_USERDATA, nftnl_udata_buf_data(data.get()),
                         nftnl_udata_buf_len(data.get()));
  }
  batch.add(NFT_MSG_NEWTABLE, table.family, NLM_F_CREATE | NLM_F_EXCL, table_label(table.family, table.name),
            [&](nlmsghdr* message) { nftnl_table_nlmsg_build_payload(message, handle.get()); });
}

void add_chain(Batch& batch, const NftTable& table, const NftChain& chain) {
  const ChainHandle handle(nftnl_chain_alloc());
  nftnl_chain_set_str(handle.get(), NFTNL_CHAIN_TABLE, table.name.c_str());
  nftnl_chain_set_str(handle.get(), NFTNL_CHAIN_NAME, chain.name.c_str());
  if (!chain.type.empty()) {
    nftnl_chain_set_str(handle.get(), NFTNL_CHAIN_TYPE, chain.type.c_str());
    nftnl_chain_set_u32(handle.get(), NFTNL_CHAIN_HOOKNUM, chain.hook);
    nftnl_chain_set_s32(handle.get(), NFTNL_CHAIN_PRIO, chain.priority);
    nftnl_chain_set_u32(handle.get(), NFTNL_CHAIN_POLICY, chain.policy_accept ? NF_ACCEPT : NF_DROP);
  }
  batch.add(NFT_MSG_NEWCHAIN, table.family, NLM_F_CREATE | NLM_F_EXCL,
            fmt::format("{}, chain {}", table_label(table.family, table.name), chain.name),
            [&](nlmsghdr* message) { nftnl_chain_nlmsg_build_payload(message, handle.get()); });
}

void add_counter(Batch& batch, const NftTable& table, const NftCounter& counter) {
  const ObjectHandle handle(nftnl_obj_alloc());
  nftnl_obj_set_str(handle.get(), NFTNL_OBJ_TABLE, table.name.c_str());
  nftnl_obj_set_str(handle.get(), NFTNL_OBJ_NAME, counter.name.c_str());
  nftnl_obj_set_u32(handle.get(), NFTNL_OBJ_TYPE, NFT_OBJECT_COUNTER);
  nftnl_obj_set_u64(handle.get(), NFTNL_OBJ_CTR_PKTS, counter.packets);
  nftnl_obj_set_u64(handle.get(), NFTNL_OBJ_CTR_BYTES, counter.bytes);
  batch.add(NFT_MSG_NEWOBJ, table.family, NLM_F_CREATE | NLM_F_EXCL,
            fmt::format("{}, counter {}", table_label(table.family, table.name), counter.name),
            [&](nlmsghdr* message) { nftnl_obj_nlmsg_build_payload(message, handle.get()); });
}

// Room for the elements and for as many again; always a power of two.
std::uint32_t room_for(std::size_t elements) {
  return static_cast<std::uint32_t>(std::bit_ceil(std::max<std::size_t>(64, elements * 2)));
}

void add_set(Batch& batch, const NftTable& table, const NftSet& set, std::uint32_t id) {
  const SetHandle handle(nftnl_set_alloc());
  nftnl_set_set_str(handle.get(), NFTNL_SET_TABLE, table.name.c_str());
  nftnl_set_set_str(handle.get(), NFTNL_SET_NAME, set.name.c_str());
  nftnl_set_set_u32(handle.get(), NFTNL_SET_FLAGS, 0);
  nftnl_set_set_u32(handle.get(), NFTNL_SET_KEY_TYPE, set.key_type);
  nftnl_set_set_u32(handle.get(), NFTNL_SET_KEY_LEN, set.key_length);
  nftnl_set_set_u32(handle.get(), NFTNL_SET_ID, id);
  // A set without a size is a table that grows behind a dump's back, which then misses entries
  // (nft_rhash_walk()); with one the kernel takes a fixed table (nft_select_set_ops()).
  nftnl_set_set_u32(handle.get(), NFTNL_SET_DESC_SIZE, room_for(set.elements.size()));
  const UserData data = set_data(table, set);
  nftnl_set_set_data(handle.get(), NFTNL_SET_USERDATA, nftnl_udata_buf_data(data.get()),
                     nftnl_udata_buf_len(data.get()));
  batch.add(NFT_MSG_NEWSET, table.family, NLM_F_CREATE | NLM_F_EXCL,
            fmt::format("{}, set {}", table_label(table.family, table.name), set.name),
            [&](nlmsghdr* message) { nftnl_set_nlmsg_build_payload(message, handle.get()); });
}

// By hand, not through nftnl_set_elem: that allocates three objects per element.
void put_elements(nlmsghdr* message, const NftTable& table, const NftSet& set,
                  std::span<const Bytes> elements) {
  mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, table.name.c_str());
  mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, set.name.c_str());
  nlattr* list = mnl_attr_nest_start(message, NFTA_SET_ELEM_LIST_ELEMENTS);
  for (const Bytes& element : elements) {
    nlattr* item = mnl_attr_nest_start(message, NFTA_LIST_ELEM);
    nlattr* key = mnl_attr_nest_start(message, NFTA_SET_ELEM_KEY);
    mnl_attr_put(message, NFTA_DATA_VALUE, element.size(), element.data());
    mnl_attr_nest_end(message, key);
    mnl_attr_nest_end(message, item);
  }
  mnl_attr_nest_end(message, list);
}

void add_elements(Batch& batch, const NftTable& table, const NftSet& set) {
  const std::span<const Bytes> all(set.elements);
  for (std::size_t start = 0; start < all.size(); start += kElementsPerMessage) {
    const auto part = all.subspan(start, std::min(kElementsPerMessage, all.size() - start));
    batch.add(NFT_MSG_NEWSETELEM, table.family, NLM_F_CREATE | NLM_F_EXCL,
              fmt::format("{}, elements of set {}", table_label(table.family, table.name), set.name),
              [&](nlmsghdr* message) { put_elements(message, table, set, part); });
  }
}

void add_rule(Batch& batch, const NftTable& table, const NftChain& chain, const NftRule& rule) {
  const RuleHandle handle(nftnl_rule_alloc());
  nftnl_rule_set_u32(handle.get(), NFTNL_RULE_FAMILY, protocol_of(table.family));
  nftnl_rule_set_str(handle.get(), NFTNL_RULE_TABLE, table.name.c_str());
  nftnl_rule_set_str(handle.get(), NFTNL_RULE_CHAIN, chain.name.c_str());
  if (!rule.comment.empty()) {
    const UserData data = comment_data(NFTNL_UDATA_RULE_COMMENT, rule.comment);
    nftnl_rule_set_data(handle.get(), NFTNL_RULE_USERDATA, nftnl_udata_buf_data(data.get()),
                        nftnl_udata_buf_len(data.get()));
  }
  for (const NftExpr& expr : rule.exprs) {
    ExprHandle made = std::visit([](const auto& one) { return make(one); }, expr);
    nftnl_rule_add_expr(handle.get(), made.release());  // the rule frees it
  }
  batch.add(NFT_MSG_NEWRULE, table.family, NLM_F_CREATE | NLM_F_APPEND,
            fmt::format("{}, chain {}, rule \"{}\"", table_label(table.family, table.name), chain.name,
                        rule.comment),
            [&](nlmsghdr* message) { nftnl_rule_nlmsg_build_payload(message, handle.get()); });
}

}  // namespace

std::string table_label(NftFamily family, std::string_view name) {
  return fmt::format("table {} {}", name_of(family), name);
}

Status add_table(Batch& batch, const NftTable& table) {
  OVL_CHECK(check(table));
  add_table_message(batch, table);
  for (const NftChain& chain : table.chains) add_chain(batch, table, chain);
  for (const NftCounter& counter : table.counters) add_counter(batch, table, counter);
  std::uint32_t id = 0;
  for (const NftSet& set : table.sets) {
    add_set(batch, table, set, ++id);
    add_elements(batch, table, set);
  }
  for (const NftChain& chain : table.chains) {
    for (const NftRule& rule : chain.rules) add_rule(batch, table, chain, rule);
  }
  return {};
}

void add_removal(Batch& batch, NftFamily family, const std::string& name) {
  batch.add(NFT_MSG_DELTABLE, family, 0, table_label(family, name),
            [&](nlmsghdr* message) { mnl_attr_put_strz(message, NFTA_TABLE_NAME, name.c_str()); });
}

}  // namespace ovl
