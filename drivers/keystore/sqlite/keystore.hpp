// The embedded keystore: one SQLite file that all processes of one machine share.
#pragma once

#include <memory>

#include "drivers/keystore/keystore.hpp"

namespace ovl {

class SqliteTables;

struct SqliteKeystoreOptions {
  std::string path;                         // absolute
  std::chrono::milliseconds timeout{5000};  // how long a call waits for another process
  // Changes kept for watches; the older half goes when there are more.
  std::int64_t kept_events = 200'000;
};

// A file that is not there is an empty store until the first write makes it, so that looking makes
// nothing. A file that may only be read can be read; writes then answer Errc::privilege.
class SqliteKeystore final : public Keystore {
 public:
  // Errors: corrupt, unsupported, privilege, unreachable (locked for longer than the timeout), io.
  static Result<std::unique_ptr<SqliteKeystore>> open(SqliteKeystoreOptions options);
  ~SqliteKeystore() override;

  using Keystore::read;
  using Keystore::watch;
  Result<Snapshot> read(const KeySelection& what) override;
  Result<std::optional<KeyValue>> get(std::string_view key) override;
  Result<CommitResult> commit(const Transaction& transaction) override;
  Result<std::unique_ptr<Session>> open_session(std::chrono::seconds ttl) override;
  Result<std::unique_ptr<Watch>> watch(const KeySelection& what, Revision after) override;
  [[nodiscard]] std::size_t max_operations() const override;

  [[nodiscard]] const std::string& name() const override { return name_; }

  // Forgets the changes up to and with `upto`: a watch from before answers with a reset.
  Status compact(Revision upto);

 private:
  explicit SqliteKeystore(SqliteKeystoreOptions options);
  // Null: the file is not there.
  Result<SqliteTables*> reading();
  Result<SqliteTables*> writing();
  void drop_replaced();
  Status expire(SqliteTables& tables);
  // at_end: the failure is that of the commit itself.
  Result<CommitResult> try_commit(SqliteTables& tables, const Transaction& transaction, bool& at_end);

  SqliteKeystoreOptions options_;
  std::string name_;
  std::unique_ptr<SqliteTables> tables_;
  bool writable_ = false;
};

}  // namespace ovl
