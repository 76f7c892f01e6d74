#include "reconcile/host/packet_fate.hpp"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "drivers/nft/extensions.hpp"
#include "reconcile/objects/rules.hpp"

namespace ovl {

namespace {

static_assert(static_cast<std::uint32_t>(Hook::prerouting) == NF_INET_PRE_ROUTING &&
              static_cast<std::uint32_t>(Hook::postrouting) == NF_INET_POST_ROUTING);
static_assert(kUdp == IPPROTO_UDP);

constexpr std::uint16_t kEtherIpv4 = 0x0800;
constexpr std::uint16_t kEtherIpv6 = 0x86dd;

enum class Truth : std::uint8_t { no, maybe, yes };

Truth opposite(Truth truth) {
  if (truth == Truth::maybe) return truth;
  return truth == Truth::yes ? Truth::no : Truth::yes;
}

// Bytes of which each bit is known or not. A bit that is not known is 0 in `value`.
struct Sketch {
  Bytes value;
  Bytes known;

  static Sketch of(Bytes bytes) {
    Bytes all(bytes.size(), 0xff);
    return {.value = std::move(bytes), .known = std::move(all)};
  }

  static Sketch unknown(std::size_t size) { return {.value = Bytes(size), .known = Bytes(size)}; }

  void put(std::size_t at, const Bytes& bytes) {
    std::ranges::copy(bytes, value.begin() + static_cast<std::ptrdiff_t>(at));
    std::fill_n(known.begin() + static_cast<std::ptrdiff_t>(at), bytes.size(), std::uint8_t{0xff});
  }

  // Behind the end nothing is known.
  [[nodiscard]] Sketch part(std::size_t at, std::size_t size) const {
    Sketch out = unknown(size);
    for (std::size_t i = 0; i < size && at + i < value.size(); ++i) {
      out.value[i] = value[at + i];
      out.known[i] = known[at + i];
    }
    return out;
  }

  [[nodiscard]] bool is_whole() const {
    return std::ranges::all_of(known, [](std::uint8_t bits) { return bits == 0xff; });
  }

  [[nodiscard]] Truth equals(const Bytes& data) const {
    for (std::size_t i = 0; i < data.size(); ++i) {
      if (((value[i] ^ data[i]) & known[i]) != 0) return Truth::no;
    }
    return is_whole() ? Truth::yes : Truth::maybe;
  }
};

Sketch host_number(std::uint32_t value, std::uint32_t known) {
  Sketch out = Sketch::unknown(sizeof value);
  std::memcpy(out.value.data(), &value, sizeof value);
  std::memcpy(out.known.data(), &known, sizeof known);
  return out;
}

Sketch name_of_device(const std::optional<IfName>& device) {
  return device ? Sketch::of(rules::bytes_of(*device)) : Sketch::unknown(16);
}

Sketch network_header(const PacketSketch& packet) {
  const bool ipv4 = packet.family == Family::ipv4;
  Sketch header = Sketch::unknown(ipv4 ? 20 : 40);
  if (packet.protocol) header.put(ipv4 ? 9 : 6, {*packet.protocol});
  if (packet.source) header.put(ipv4 ? 12 : 8, rules::bytes_of(*packet.source));
  if (packet.destination) header.put(ipv4 ? 16 : 24, rules::bytes_of(*packet.destination));
  return header;
}

Sketch transport_header(const PacketSketch& packet) {
  Sketch header = Sketch::unknown(8);
  if (packet.port) header.put(2, rules::bytes_of(static_cast<std::uint16_t>(packet.port->number())));
  return header;
}

Sketch meta_of(const PacketSketch& packet, std::uint32_t key) {
  const bool ipv4 = packet.family == Family::ipv4;
  switch (key) {
    case NFT_META_NFPROTO:
      return Sketch::of(Bytes{ipv4 ? std::uint8_t{NFPROTO_IPV4} : std::uint8_t{NFPROTO_IPV6}});
    case NFT_META_PROTOCOL: return Sketch::of(rules::bytes_of(ipv4 ? kEtherIpv4 : kEtherIpv6));
    case NFT_META_L4PROTO: return packet.protocol ? Sketch::of(Bytes{*packet.protocol}) : Sketch::unknown(1);
    case NFT_META_IIFNAME: return name_of_device(packet.in);
    case NFT_META_OIFNAME: return name_of_device(packet.out);
    default: return Sketch::unknown(16);
  }
}

// What conntrack says of a packet that begins something, or that it does not track: neither established nor
// related nor translated.
Sketch conntrack_of(const PacketSketch& packet, std::uint32_t key) {
  if (key == NFT_CT_STATE && packet.answers) {
    return host_number(NF_CT_STATE_BIT(IP_CT_ESTABLISHED), 0xffffffff);
  }
  if (key == NFT_CT_STATE) {
    return host_number(0,
                       ~static_cast<std::uint32_t>(NF_CT_STATE_BIT(IP_CT_NEW) | NF_CT_STATE_UNTRACKED_BIT));
  }
  if (key == NFT_CT_STATUS && !packet.answers) return host_number(0, IPS_SRC_NAT | IPS_DST_NAT);
  return Sketch::unknown(16);
}

// Whether a set's elements are plain keys, all of them, for good: neither ranges nor such as come and go.
// NftSet::other begins with the flags that ovl never writes, in hexadecimal.
bool has_plain_keys(const NftSet& set) {
  constexpr std::string_view word = "flags 0x";
  constexpr std::uint32_t plain = NFT_SET_ANONYMOUS | NFT_SET_CONSTANT | NFT_SET_MAP;
  if (!set.other.starts_with(word)) return set.other.empty() || set.other == "size";
  std::uint32_t flags = 0;
  const char* begin = set.other.data() + word.size();
  std::from_chars(begin, set.other.data() + set.other.size(), flags, 16);
  return (flags & ~plain) == 0;
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

// Where a rule leads.
struct Lead {
  enum class To : std::uint8_t { nowhere, accept, drop, jump, go, back, anywhere };

  Truth truth = Truth::yes;  // whether it takes the packet
  To to = To::nowhere;
  std::string chain = {};
};

// One rule, from its first expression to its verdict.
class Following {
 public:
  Following(const NftTable& table, const PacketSketch& packet) : table_(table), packet_(packet) {}

  Lead through(const NftRule& rule) {
    for (const NftExpr& expr : rule.exprs) {
      std::visit([this](const auto& one) { take(one); }, expr);
      if (step_.truth == Truth::no || step_.to != Lead::To::nowhere) break;
    }
    return std::move(step_);
  }

 private:
  void ask(Truth truth) { step_.truth = std::min(step_.truth, truth); }

  void lead(Lead::To to, const std::string& chain = {}) {
    step_.to = to;
    step_.chain = chain;
  }

  // A register is four bytes: nf_tables.h.
  static std::size_t byte_of(std::uint8_t slot) { return std::size_t{slot} * 4; }

  void load(std::uint8_t slot, const Sketch& what) {
    const std::size_t first = byte_of(slot);
    for (std::size_t i = 0; i < what.value.size() && first + i < registers_.value.size(); ++i) {
      registers_.value[first + i] = what.value[i];
      registers_.known[first + i] = what.known[i];
    }
  }

  void take(const NftMeta& meta) { load(meta.slot, meta_of(packet_, meta.key)); }

  void take(const NftPayload& payload) {
    if (payload.base == NFT_PAYLOAD_NETWORK_HEADER) {
      load(payload.slot, network_header(packet_).part(payload.offset, payload.length));
    } else if (payload.base == NFT_PAYLOAD_TRANSPORT_HEADER) {
      load(payload.slot, transport_header(packet_).part(payload.offset, payload.length));
    } else {
      load(payload.slot, Sketch::unknown(payload.length));
    }
  }

  void take(const NftCt& ct) { load(ct.slot, conntrack_of(packet_, ct.key)); }

  void take(const NftFib& fib) { load(fib.slot, Sketch::unknown(16)); }

  void take(const NftBitwise& bits) {
    Sketch now = registers_.part(byte_of(bits.slot), bits.mask.size());
    for (std::size_t i = 0; i < bits.mask.size() && i < bits.xored.size(); ++i) {
      now.known[i] |= static_cast<std::uint8_t>(~bits.mask[i]);
      now.value[i] =
          static_cast<std::uint8_t>(((now.value[i] & bits.mask[i]) ^ bits.xored[i]) & now.known[i]);
    }
    load(bits.slot, now);
  }

  void take(const NftCmp& compared) {
    const Sketch now = registers_.part(byte_of(compared.slot), compared.data.size());
    if (compared.op == NFT_CMP_EQ) return ask(now.equals(compared.data));
    if (compared.op == NFT_CMP_NEQ) return ask(opposite(now.equals(compared.data)));
    if (!now.is_whole()) return ask(Truth::maybe);
    const int order = std::memcmp(now.value.data(), compared.data.data(), compared.data.size());
    const bool holds = compared.op == NFT_CMP_LT    ? order < 0
                       : compared.op == NFT_CMP_LTE ? order <= 0
                       : compared.op == NFT_CMP_GT  ? order > 0
                                                    : order >= 0;
    ask(holds ? Truth::yes : Truth::no);
  }

  [[nodiscard]] Truth is_in(const NftLookup& lookup) const {
    const auto set = std::ranges::find(table_.sets, lookup.set, &NftSet::name);
    if (set == table_.sets.end() || !has_plain_keys(*set)) return Truth::maybe;
    Truth found = Truth::no;
    for (const Bytes& element : set->elements) {
      found = std::max(found, registers_.part(byte_of(lookup.slot), element.size()).equals(element));
    }
    return found;
  }

  void take(const NftLookup& lookup) {
    const Truth found = is_in(lookup);
    ask(lookup.inverted ? opposite(found) : found);
    if (!lookup.maps || found == Truth::no) return;
    ask(Truth::maybe);
    lead(Lead::To::anywhere);
  }

  void take(const NftVerdict& verdict) { lead(verdict.accept ? Lead::To::accept : Lead::To::drop); }

  void take(const NftGoto& on) { lead(Lead::To::go, on.chain); }

  void take(const NftJump& on) { lead(Lead::To::jump, on.chain); }

  void take(const NftReturn&) { lead(Lead::To::back); }

  void take(const NftCount&) {}

  void take(const NftNotrack&) {}

  void take(const NftMasquerade&) { lead(Lead::To::accept); }

  void take(const NftOther& other) {
    const std::string_view name = other.name;
    if (is_one_of(name, {"reject", "target REJECT"})) return lead(Lead::To::drop);
    if (is_one_of(name, {"counter", "log", "objref", "last", "dynset", "dup", "match comment"})) return;
    if (name == kMatchOfBegun) return ask(packet_.answers ? Truth::maybe : Truth::no);
    if (is_one_of(name, {"limit", "quota", "connlimit", "range"}) || name.starts_with("match ")) {
      return ask(Truth::maybe);
    }
    if (is_one_of(name, {"queue", "unreadable", "synproxy", "target NFQUEUE", "target SYNPROXY"})) {
      ask(Truth::maybe);
      return lead(Lead::To::anywhere);
    }
    // Another target changes or tells of the packet, and lets it go on. What else there is loads something.
    if (!name.starts_with("target ")) registers_ = Sketch::unknown(registers_.value.size());
  }

  const NftTable& table_;
  const PacketSketch& packet_;
  Sketch registers_ = Sketch::unknown(64);
  Lead step_;
};

class Walk {
 public:
  Walk(const NftTable& table, const PacketSketch& packet) : table_(table), packet_(packet) {}

  ChainVerdict from(const NftChain& base) {
    End end = through(base, 0, true);
    const bool by_policy = end == End::goes_on;
    if (by_policy) end = base.policy_accept ? End::accept : End::drop;
    const bool open = end == End::accept ? may_drop_ : may_accept_;
    const Fate fate = open ? Fate::open : end == End::accept ? Fate::passes : Fate::drops;
    return {.fate = fate, .by_policy = by_policy};
  }

 private:
  enum class End : std::uint8_t { goes_on, accept, drop };

  // Kernel: NFT_JUMP_STACK_SIZE; and what a look may cost.
  static constexpr unsigned kDeepest = 16;
  static constexpr std::size_t kMostRules = 20'000;

  void may(End end) {
    may_accept_ = may_accept_ || end == End::accept;
    may_drop_ = may_drop_ || end == End::drop;
  }

  void may_anything() { may_accept_ = may_drop_ = true; }

  // sure: whether the packet gets here at all.
  End through(const NftChain& chain, unsigned depth, bool sure) {
    for (const NftRule& rule : chain.rules) {
      if (++rules_ > kMostRules || depth > kDeepest) {
        may_anything();
        return End::goes_on;
      }
      const Lead step = Following(table_, packet_).through(rule);
      if (step.truth == Truth::no || step.to == Lead::To::nowhere) continue;
      const bool taken = step.truth == Truth::yes;
      const End end = at(step, depth, sure && taken);
      if (sure && taken && end != End::goes_on) return end;
      if (taken && step.to != Lead::To::jump) return End::goes_on;
      if (step.to == Lead::To::back) sure = false;
    }
    return End::goes_on;
  }

  End at(const Lead& step, unsigned depth, bool sure) {
    switch (step.to) {
      case Lead::To::accept: return settled(End::accept, sure);
      case Lead::To::drop: return settled(End::drop, sure);
      case Lead::To::jump:
      case Lead::To::go: return in_chain(step.chain, depth, sure);
      case Lead::To::anywhere: may_anything(); break;
      case Lead::To::nowhere:
      case Lead::To::back: break;
    }
    return End::goes_on;
  }

  End settled(End end, bool sure) {
    if (!sure) may(end);
    return end;
  }

  End in_chain(const std::string& name, unsigned depth, bool sure) {
    const auto chain = std::ranges::find(table_.chains, name, &NftChain::name);
    if (chain != table_.chains.end()) return through(*chain, depth + 1, sure);
    may_anything();
    return End::goes_on;
  }

  const NftTable& table_;
  const PacketSketch& packet_;
  std::size_t rules_ = 0;
  bool may_accept_ = false;
  bool may_drop_ = false;
};

}  // namespace

ChainVerdict verdict_on(const NftTable& table, const NftChain& base, const PacketSketch& packet) {
  return Walk(table, packet).from(base);
}

}  // namespace ovl
