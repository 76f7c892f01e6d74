// A table as the messages that make it.
#pragma once

#include "drivers/nft/batch.hpp"

namespace ovl {

// Appends a table's creation: table, chains, sets, elements, rules. Errors: bug, when the value holds
// what the kernel can't take.
Status add_table(Batch& batch, const NftTable& table);

// Appends a table's removal with all that is in it.
void add_removal(Batch& batch, NftFamily family, const std::string& name);

// "table inet ovl", as in messages.
std::string table_label(NftFamily family, std::string_view name);

}  // namespace ovl
