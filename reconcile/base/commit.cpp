#include "reconcile/base/commit.hpp"

namespace ovl {

namespace {

// Whether the store holds what the transaction writes.
Result<bool> is_written(Keystore& store, const Transaction& transaction) {
  for (const Write& write : transaction.writes) {
    OVL_TRY(const auto there, store.get(write.key));
    const bool same = write.value ? there && there->value == *write.value : !there;
    if (!same) return false;
  }
  return true;
}

// The answer to a write was lost. Its guards let it happen once at most, so it may be sent again;
// the keys tell whether it, or its first copy, was taken.
Result<bool> settle(Keystore& store, const Transaction& transaction) {
  OVL_TRY(const bool taken, is_written(store, transaction));
  if (taken) return true;
  const auto again = store.commit(transaction);
  if (again.ok() && again.value().committed) return true;
  if (!again.ok() && again.error().code != Errc::in_doubt) return again.error();
  return is_written(store, transaction);
}

}  // namespace

Result<bool> try_commit(Keystore& store, const Transaction& transaction) {
  const auto result = store.commit(transaction);
  if (result.ok()) return result.value().committed;
  if (result.error().code == Errc::in_doubt) return settle(store, transaction);
  return result.error();
}

Status commit(Keystore& store, const Transaction& transaction) {
  OVL_TRY(const bool committed, try_commit(store, transaction));
  if (committed) return {};
  return Error{.code = Errc::stale,
               .message = "the keystore was changed by somebody else since the plan was made",
               .hint = "plan again"};
}

}  // namespace ovl
