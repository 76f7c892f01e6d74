// What every driver checks before a transaction leaves it.
#pragma once

#include "drivers/keystore/keystore.hpp"

namespace ovl {

// Errors: usage (too many operations, a key that is empty or written twice).
Status check_transaction(const Transaction& transaction, std::size_t operations, std::size_t max_operations);

// Whether a guard and a write of one key are one operation of the store.
using IsOneOperation = bool (*)(const Guard&, const Write&);

// For each write the guard that is one operation with it; nullptr: none.
std::vector<const Guard*> paired_guards(const Transaction& transaction, IsOneOperation is_one);

// The other guards.
std::vector<const Guard*> guards_apart(const Transaction& transaction,
                                       const std::vector<const Guard*>& paired);

// Guards and writes, each pair once.
std::size_t count_operations(const Transaction& transaction, IsOneOperation is_one);

}  // namespace ovl
