// The tables of iptables-legacy, which nftables does not show, in nftables' words. IPv4 alone.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/kinds/nft_table.hpp"

namespace ovl {

// The comment of such a table.
inline constexpr std::string_view kLegacyComment = "iptables-legacy";

// A table's entries as the kernel gives them (struct ipt_get_entries::entrytable). Chain i of `hooks` begins
// at entries[i]; its policy is the rule at underflows[i]. Both have 5 places, those of NF_INET_*.
struct LegacyBlob {
  std::string name;
  std::uint32_t hooks = 0;  // a bit for each hook that it has
  std::array<std::uint32_t, 5> entries{};
  std::array<std::uint32_t, 5> underflows{};
  std::vector<std::uint8_t> bytes;
};

// Bytes that are no table: an error of code kernel.
Result<NftTable> decode_legacy(const LegacyBlob& blob);

// The filters among the tables that are there, of the calling thread's network namespace; makes none of them
// by asking. Errors: privilege, kernel.
Result<std::vector<NftTable>> legacy_filters();

}  // namespace ovl
