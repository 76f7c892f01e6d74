// Of a saved plan: what a table of nftables has on one side alone, put back as text.
#pragma once

#include <string_view>

#include "model/kinds/nft_table.hpp"

namespace ovl {

// Puts into the table what `elements`, of elements_json(), says of it. side: "before" or "after"; own: the
// member with what only that side has, "removed" or "added". Precondition: the table's sets and chains have
// as many members as the plan says, and are marked kAsText. Errors: corrupt.
Status put_elements(const Value& elements, std::string_view side, std::string_view own, NftTable& table);

}  // namespace ovl
