#include "reconcile/objects/rules.hpp"

#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <iterator>
#include <set>

namespace ovl::rules {

namespace {

constexpr std::uint32_t kNameBytes = 16;  // IFNAMSIZ
constexpr std::uint8_t kAfterName = kNameBytes / 4;

constexpr std::uint32_t padded(std::uint32_t length) {
  return (length + 3) / 4 * 4;
}

NftExpr load(const PacketField& field, std::uint8_t slot = 0) {
  return NftPayload{.base = field.base, .offset = field.offset, .length = field.length, .slot = slot};
}

NftExpr compare(std::uint32_t op, Bytes value) {
  return NftCmp{.slot = 0, .op = op, .data = std::move(value)};
}

NftExpr look_up(std::string_view set, Membership wanted) {
  return NftLookup{.slot = 0, .set = std::string(set), .inverted = wanted == Membership::not_in};
}

void add_counters(const NftRule& rule, std::set<std::string>& names) {
  for (const NftExpr& expr : rule.exprs) {
    if (const auto* count = std::get_if<NftCount>(&expr)) names.insert(count->counter);
  }
}

}  // namespace

Bytes bytes_of(const IfName& name) {
  const std::string_view text = name.view();
  Bytes out(text.begin(), text.end());
  out.resize(kNameBytes);
  return out;
}

Bytes bytes_of(const MacAddress& mac) {
  return {mac.bytes().begin(), mac.bytes().end()};
}

Bytes bytes_of(const IpAddress& address) {
  return {address.bytes().begin(), address.bytes().begin() + static_cast<std::ptrdiff_t>(address.size())};
}

Bytes bytes_of(std::uint16_t number) {
  return {static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number & 0xff)};
}

Bytes concatenated(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) {
    out.insert(out.end(), part.begin(), part.end());
    out.resize(padded(static_cast<std::uint32_t>(out.size())));
  }
  return out;
}

NftSet make_set(std::string name, std::initializer_list<KeyPart> parts, std::vector<Bytes> elements) {
  std::ranges::sort(elements, bytes_less);
  elements.erase(std::unique(elements.begin(), elements.end()), elements.end());
  NftSet set{.name = std::move(name), .elements = std::move(elements)};
  for (const KeyPart& part : parts) {
    set.key_type = (set.key_type << 6) | part.type;
    set.key_length += parts.size() == 1 ? part.length : padded(part.length);
  }
  return set;
}

Exprs field_is(const PacketField& field, Bytes value) {
  return {load(field), compare(NFT_CMP_EQ, std::move(value))};
}

Exprs masked_field(const PacketField& field, Bytes mask, std::uint32_t op, Bytes value) {
  const Bytes zeros(mask.size());
  return {load(field), NftBitwise{.slot = 0, .mask = std::move(mask), .xored = zeros},
          compare(op, std::move(value))};
}

Exprs field_between(const PacketField& field, Bytes low, Bytes high) {
  return {load(field), compare(NFT_CMP_GTE, std::move(low)), compare(NFT_CMP_LTE, std::move(high))};
}

Exprs field_in(const PacketField& field, std::string_view set, Membership wanted) {
  return {load(field), look_up(set, wanted)};
}

Exprs meta_is(std::uint32_t key, Bytes value, std::uint32_t op) {
  return {NftMeta{.key = key, .slot = 0}, compare(op, std::move(value))};
}

Exprs meta_in(std::uint32_t key, std::string_view set, Membership wanted) {
  return {NftMeta{.key = key, .slot = 0}, look_up(set, wanted)};
}

Exprs port_and_fields(std::initializer_list<PacketField> fields, std::string_view set, Membership wanted) {
  Exprs out{NftMeta{.key = NFT_META_IIFNAME, .slot = 0}};
  std::uint8_t slot = kAfterName;
  for (const PacketField& field : fields) {
    out.push_back(load(field, slot));
    slot = static_cast<std::uint8_t>(slot + padded(field.length) / 4);
  }
  out.push_back(look_up(set, wanted));
  return out;
}

Exprs port_and_field(const PacketField& field, std::string_view set, Membership wanted) {
  return port_and_fields({field}, set, wanted);
}

Exprs from_vxlan() {
  Bytes kind{'v', 'x', 'l', 'a', 'n'};
  kind.resize(kNameBytes);
  return meta_is(NFT_META_IIFKIND, std::move(kind), NFT_CMP_EQ);
}

Exprs ip_protocol(std::uint8_t protocol) {
  return meta_is(NFT_META_L4PROTO, {protocol}, NFT_CMP_EQ);
}

Exprs joined(std::initializer_list<Exprs> parts) {
  Exprs out;
  for (const Exprs& part : parts) std::ranges::copy(part, std::back_inserter(out));
  return out;
}

Exprs accept() {
  return {NftVerdict{.accept = true}};
}

Exprs drop(std::string_view reason) {
  return {NftCount{.counter = std::string(kDroppedPrefix) + std::string(reason)},
          NftVerdict{.accept = false}};
}

Exprs go_to(std::string_view chain) {
  return {NftGoto{.chain = std::string(chain)}};
}

NftRule rule(std::string comment, std::initializer_list<Exprs> parts) {
  return {.comment = std::move(comment), .exprs = joined(parts)};
}

NftTable finished(NftTable table) {
  std::set<std::string> names;
  for (const NftChain& chain : table.chains) {
    for (const NftRule& one : chain.rules) add_counters(one, names);
  }
  for (const std::string& name : names) table.counters.push_back({.name = name});
  std::ranges::sort(table.sets, {}, &NftSet::name);
  std::ranges::sort(table.chains, {}, &NftChain::name);
  return table;
}

}  // namespace ovl::rules
