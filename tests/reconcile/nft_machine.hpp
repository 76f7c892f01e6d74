// The kernel's nft machine, as far as our filters need it: what it does for one packet in one chain.
#pragma once

#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "model/kinds/nft_table.hpp"

namespace ovl::test {

// A packet at a hook. What is empty is not there, so that a load of it ends the rule.
struct Packet {
  Bytes in;       // device's name, 16 bytes
  Bytes in_kind;  // 16 bytes
  Bytes in_group;
  Bytes in_index = Bytes(4);
  Bytes user;  // of its socket
  Bytes way_back{9, 0, 0, 0};
  std::uint8_t family = NFPROTO_IPV4;
  std::uint8_t kind = PACKET_OTHERHOST;
  std::uint8_t protocol = 0;  // 0: not IP
  Bytes frame;                // Ethernet header
  Bytes network;              // header and what follows
  Bytes transport;
};

struct Work {
  std::size_t expressions = 0;
  std::size_t lookups = 0;
  bool dropped = false;
};

class Machine {
 public:
  Machine(const NftTable& table, const Packet& packet) : table_(table), packet_(packet) {}

  Work run(std::string_view chain) {
    verdict_.reset();
    run_chain(chain);
    work_.dropped = verdict_ && !*verdict_;
    return work_;
  }

 private:
  void run_chain(std::string_view name) {
    const auto chain = std::ranges::find(table_.chains, name, &NftChain::name);
    for (const NftRule& rule : chain->rules) {
      next_.clear();
      for (const NftExpr& expr : rule.exprs) {
        ++work_.expressions;
        if (!std::visit([&](const auto& one) { return goes_on(one); }, expr)) break;
      }
      if (!next_.empty()) return run_chain(std::string(next_));
      if (verdict_) return;
    }
  }

  bool load(std::uint8_t slot, const Bytes& value) {
    if (value.empty()) return false;
    Bytes whole = value;
    whole.resize((whole.size() + 3) / 4 * 4);
    std::ranges::copy(whole, registers_.begin() + std::ptrdiff_t{slot} * 4);
    return true;
  }

  [[nodiscard]] Bytes stored(std::uint8_t slot, std::size_t size) const {
    const auto begin = registers_.begin() + std::ptrdiff_t{slot} * 4;
    return {begin, begin + static_cast<std::ptrdiff_t>(size)};
  }

  bool goes_on(const NftMeta& meta) {
    switch (meta.key) {
      case NFT_META_IIFNAME: return load(meta.slot, packet_.in);
      case NFT_META_IIFKIND: return load(meta.slot, packet_.in_kind);
      case NFT_META_IIFGROUP: return load(meta.slot, packet_.in_group);
      case NFT_META_IIF: return load(meta.slot, packet_.in_index);
      case NFT_META_SKUID: return load(meta.slot, packet_.user);
      case NFT_META_NFPROTO: return load(meta.slot, {packet_.family});
      case NFT_META_PKTTYPE: return load(meta.slot, {packet_.kind});
      case NFT_META_L4PROTO: return packet_.protocol != 0 && load(meta.slot, {packet_.protocol});
      default: ADD_FAILURE() << "meta " << meta.key; return false;
    }
  }

  bool goes_on(const NftPayload& field) {
    const Bytes& part = field.base == NFT_PAYLOAD_LL_HEADER        ? packet_.frame
                        : field.base == NFT_PAYLOAD_NETWORK_HEADER ? packet_.network
                                                                   : packet_.transport;
    if (part.size() < field.offset + field.length) return false;
    const auto begin = part.begin() + field.offset;
    return load(field.slot, {begin, begin + field.length});
  }

  bool goes_on(const NftFib& fib) { return load(fib.slot, packet_.way_back); }

  bool goes_on(const NftBitwise& bits) {
    for (std::size_t i = 0; i < bits.mask.size(); ++i) {
      std::uint8_t& byte = registers_[std::size_t{bits.slot} * 4 + i];
      byte = static_cast<std::uint8_t>((byte & bits.mask[i]) ^ bits.xored[i]);
    }
    return true;
  }

  bool goes_on(const NftCmp& compare) {
    const int order = std::memcmp(stored(compare.slot, compare.data.size()).data(), compare.data.data(),
                                  compare.data.size());
    switch (compare.op) {
      case NFT_CMP_EQ: return order == 0;
      case NFT_CMP_NEQ: return order != 0;
      case NFT_CMP_GTE: return order >= 0;
      case NFT_CMP_LTE: return order <= 0;
      default: ADD_FAILURE() << "compare " << compare.op; return false;
    }
  }

  bool goes_on(const NftLookup& lookup) {
    ++work_.lookups;
    const auto set = std::ranges::find(table_.sets, lookup.set, &NftSet::name);
    const Bytes key = stored(lookup.slot, set->key_length);
    return (std::ranges::find(set->elements, key) != set->elements.end()) != lookup.inverted;
  }

  bool goes_on(const NftVerdict& verdict) {
    verdict_ = verdict.accept;
    return true;
  }

  bool goes_on(const NftGoto& on) {
    next_ = on.chain;
    return true;
  }

  bool goes_on(const NftCount&) { return true; }

  bool goes_on(const NftNotrack&) { return true; }

  template <class Other>
  bool goes_on(const Other&) {
    ADD_FAILURE() << "an expression that no packet of these tests should meet";
    return false;
  }

  const NftTable& table_;
  const Packet& packet_;
  Bytes registers_ = Bytes(64);
  std::optional<bool> verdict_;
  std::string next_;
  Work work_;
};

}  // namespace ovl::test
