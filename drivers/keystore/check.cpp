#include "drivers/keystore/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace ovl {

namespace {

// The key that is written twice; nothing: none.
std::optional<std::string_view> repeated_key(const std::vector<Write>& writes) {
  const auto fall = std::ranges::adjacent_find(writes, std::ranges::greater_equal{}, &Write::key);
  if (fall == writes.end()) return std::nullopt;
  std::unordered_set<std::string_view> keys;
  keys.reserve(writes.size());
  for (const Write& write : writes) {
    if (!keys.insert(write.key).second) return write.key;
  }
  return std::nullopt;
}

Error usage(std::string message) {
  return Error{.code = Errc::usage, .message = std::move(message)};
}

}  // namespace

Status check_transaction(const Transaction& transaction, std::size_t operations, std::size_t max_operations) {
  if (operations > max_operations) {
    return usage(
        fmt::format("a transaction of {} operations, at most {} are possible", operations, max_operations));
  }
  const auto is_empty = [](const auto& one) { return one.key.empty(); };
  if (std::ranges::any_of(transaction.guards, is_empty)) return usage("a guard without a key");
  if (std::ranges::any_of(transaction.writes, is_empty)) return usage("a write without a key");
  const auto twice = repeated_key(transaction.writes);
  if (!twice) return {};
  return usage(fmt::format("the key {} is written twice in one transaction", *twice));
}

// Most often each write has its guard at its own place.
std::vector<const Guard*> paired_guards(const Transaction& transaction, IsOneOperation is_one) {
  const auto& guards = transaction.guards;
  std::unordered_map<std::string_view, const Guard*> by_key;
  const auto find = [&](std::string_view key) -> const Guard* {
    if (by_key.empty()) {
      for (const Guard& guard : guards) by_key.emplace(guard.key, &guard);
    }
    const auto at = by_key.find(key);
    return at == by_key.end() ? nullptr : at->second;
  };
  std::vector<const Guard*> paired;
  paired.reserve(transaction.writes.size());
  for (const Write& write : transaction.writes) {
    const std::size_t at = paired.size();
    const Guard* guard = at < guards.size() && guards[at].key == write.key ? &guards[at] : find(write.key);
    paired.push_back(guard != nullptr && is_one(*guard, write) ? guard : nullptr);
  }
  return paired;
}

std::vector<const Guard*> guards_apart(const Transaction& transaction,
                                       const std::vector<const Guard*>& paired) {
  const auto& guards = transaction.guards;
  std::vector<bool> is_paired(guards.size());
  for (const Guard* guard : paired) {
    if (guard != nullptr) is_paired[static_cast<std::size_t>(guard - guards.data())] = true;
  }
  std::vector<const Guard*> apart;
  for (std::size_t i = 0; i < guards.size(); ++i) {
    if (!is_paired[i]) apart.push_back(&guards[i]);
  }
  return apart;
}

std::size_t count_operations(const Transaction& transaction, IsOneOperation is_one) {
  const auto paired = paired_guards(transaction, is_one);
  const auto pairs = paired.size() - static_cast<std::size_t>(std::ranges::count(paired, nullptr));
  return transaction.guards.size() + transaction.writes.size() - pairs;
}

}  // namespace ovl
