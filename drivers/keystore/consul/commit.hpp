// Commits one transaction: what Consul's operations leave open is closed here by looking first.
#pragma once

#include "drivers/keystore/consul/history.hpp"
#include "drivers/keystore/consul/transaction.hpp"

namespace ovl {

// - A guard same_life has no operation: the key is read, its CreateIndex compared, and its ModifyIndex
//   checked in the transaction; when only that moved meanwhile it is done again. A key with the
//   ModifyIndex of an earlier look is as it was then, so that one look serves many transactions.
// - A key that another session holds refuses "lock", and "set" leaves it with its holder. Holders are
//   rare and the answer names them, so they are looked up only then: a refused lock is done again, and
//   after a "set" on a held key it is written once more in a transaction that frees the key. Between
//   the two the values are the new ones already.
// A key's ModifyIndex when it was last looked at, with its CreateIndex.
struct KnownLife {
  Revision created = 0;
  Revision modified = 0;
};

using KnownLives = std::map<std::string, KnownLife, std::less<>>;

class Commit {
 public:
  Commit(ConsulApi& api, Claims& claims, KnownLives& lives, const Transaction& transaction)
      : api_(api), claims_(claims), lives_(lives), transaction_(transaction) {}

  // Errors: as Keystore::commit().
  Result<CommitResult> run();

 private:
  enum class Next { done, refused, again };

  Result<Next> attempt();
  Result<bool> look_up_lives();
  Result<bool> look_up_holder(const std::string& key);
  Result<Next> solve(const TxnRequest& request, const TxnAnswer& answer);
  [[nodiscard]] Status check_permission(const std::string& what) const;
  Result<Next> solve_write(const Write& write, const std::string& what);
  Status free_held_keys(const TxnAnswer& answer);
  Result<TxnAnswer> send(const TxnRequest& request);
  Result<Revision> revision_of_removal();
  [[nodiscard]] bool removes() const;

  ConsulApi& api_;
  Claims& claims_;
  KnownLives& lives_;
  const Transaction& transaction_;
  TxnContext context_;
  Revision revision_ = 0;
};

}  // namespace ovl
