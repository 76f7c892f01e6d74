// The elements of nftables' sets and the rules of its chains as people write them.
#pragma once

#include <string>

#include "model/kinds/nft_table.hpp"

namespace ovl {

// A set whose elements, and a chain whose rules, are known by their text alone, as a saved plan has them,
// says so in its key_type or hook. No real one has that number.
inline constexpr std::uint32_t kAsText = UINT32_MAX;

// "192.0.2.1", "5000", "eth0 . 02:00:00:00:00:01": by the set's key type; bytes that are none of it in hex.
// Different elements of one set have different texts.
std::string element_text(const NftSet& set, const Bytes& element);

// A set or chain without what is in it.
std::string attributes_of(const NftSet& set);
std::string attributes_of(const NftChain& chain);

// The same in a word, where there is no other to compare it with.
std::string word_for_whole(const NftSet& set);
std::string word_for_whole(const NftChain& chain);

// What the rule is for; of a rule without a comment that it is somebody else's.
std::string rule_text(const NftRule& rule);

}  // namespace ovl
