// The kernel's dump messages as values. Whatever we never write becomes visible as a difference.
#pragma once

#include <optional>
#include <string>

#include "model/kinds/nft_table.hpp"

struct nlmsghdr;

namespace ovl {

// A table without its sets and chains, and how many of both (and of objects and flowtables) it has.
struct DecodedTable {
  NftTable table;
  std::uint32_t use = 0;  // nft_table.use
};

struct DecodedChain {
  std::optional<NftFamily> family;  // none: netdev or arp
  std::string table;
  NftChain chain;  // without rules
};

struct DecodedRule {
  std::string table;
  std::string chain;
  NftRule rule;
};

struct DecodedCounter {
  std::string table;  // empty: another kind of object
  NftCounter counter;
};

DecodedTable decode_table(const nlmsghdr* message);
DecodedChain decode_chain(const nlmsghdr* message);
DecodedRule decode_rule(const nlmsghdr* message);
DecodedCounter decode_counter(const nlmsghdr* message);
// Without elements.
NftSet decode_set(const nlmsghdr* message);
// Appends the elements of one dump message; what isn't a plain key goes into set.other.
void decode_elements(const nlmsghdr* message, NftSet& set);
// The ruleset's generation.
std::uint32_t decode_generation(const nlmsghdr* message);

}  // namespace ovl
