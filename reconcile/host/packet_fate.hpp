// What other programs' filters do with a packet of ours, as far as their rules tell: a pure function of
// tables and a packet. What can't be told from the rules alone, as a limit or a set of addresses with a
// timeout, leaves it open.
#pragma once

#include <cstdint>
#include <optional>

#include "model/base/values.hpp"
#include "model/kinds/nft_table.hpp"

namespace ovl {

// Where a chain stands in a packet's way, as NftChain::hook has it.
enum class Hook : std::uint32_t { prerouting, input, forward, output, postrouting };

inline constexpr std::uint8_t kUdp = 17;  // PacketSketch::protocol

// A packet, as far as it is known; what is absent may be anything.
struct PacketSketch {
  Family family = Family::ipv4;
  std::optional<IfName> in;  // the device that it came by, and leaves by
  std::optional<IfName> out;
  std::optional<IpAddress> source;
  std::optional<IpAddress> destination;
  std::optional<std::uint8_t> protocol;
  std::optional<UdpPort> port;  // that it goes to
  bool answers = false;         // to what conntrack knows; else it is new, or not tracked
};

enum class Fate : std::uint8_t { passes, open, drops };

struct ChainVerdict {
  Fate fate = Fate::passes;
  bool by_policy = false;  // what drops it is the chain's policy, not one of its rules
};

// Of one chain with a hook; others of the same hook may say otherwise.
ChainVerdict verdict_on(const NftTable& table, const NftChain& base, const PacketSketch& packet);

}  // namespace ovl
