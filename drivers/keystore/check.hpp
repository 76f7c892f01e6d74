// What every driver checks before a transaction leaves it.
#pragma once

#include "drivers/keystore/keystore.hpp"

namespace ovl {

// Errors: usage (too many operations, a key that is empty or written twice).
Status check_transaction(const Transaction& transaction, std::size_t max_operations);

}  // namespace ovl
