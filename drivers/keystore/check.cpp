#include "drivers/keystore/check.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ovl {

Status check_transaction(const Transaction& transaction, std::size_t max_operations) {
  const std::size_t operations = transaction.guards.size() + transaction.writes.size();
  if (operations > max_operations) {
    return Error{.code = Errc::usage,
                 .message = fmt::format("a transaction of {} operations, at most {} are possible", operations,
                                        max_operations)};
  }
  std::vector<std::string_view> keys;
  keys.reserve(transaction.writes.size());
  for (const Write& write : transaction.writes) keys.push_back(write.key);
  for (const Guard& guard : transaction.guards) {
    if (guard.key.empty()) return Error{.code = Errc::usage, .message = "a guard without a key"};
  }
  std::ranges::sort(keys);
  if (!keys.empty() && keys.front().empty())
    return Error{.code = Errc::usage, .message = "a write without a key"};
  const auto twice = std::ranges::adjacent_find(keys);
  if (twice == keys.end()) return {};
  return Error{.code = Errc::usage,
               .message = fmt::format("the key {} is written twice in one transaction", *twice)};
}

}  // namespace ovl
