// iptables' own matches and targets, as names of NftOther: in tables of nftables that iptables-nft made, and
// in those of iptables-legacy.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ovl {

// Of a rule that takes packets of connections alone that have begun, as most filters have it first.
inline constexpr std::string_view kMatchOfBegun = "match conntrack of what has begun";

// "match comment", "match limit"; kMatchOfBegun for such a one. info: the match's own bytes, as the kernel
// gives them.
std::string name_of_match(std::string_view name, std::uint32_t revision, std::span<const std::uint8_t> info);

// "target REJECT".
std::string name_of_target(std::string_view name);

}  // namespace ovl
