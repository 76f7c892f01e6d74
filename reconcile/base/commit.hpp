// One guarded transaction, whose answer may get lost.
#pragma once

#include "drivers/keystore/keystore.hpp"

namespace ovl {

// Whether the store took it; false: a guard did not hold. An answer that was lost is settled by what the
// store holds. Errors: as the store.
Result<bool> try_commit(Keystore& store, const Transaction& transaction);

// Errors: stale when a guard does not hold; as the store.
Status commit(Keystore& store, const Transaction& transaction);

}  // namespace ovl
