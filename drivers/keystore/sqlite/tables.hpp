// The tables of the embedded keystore: revisions, keys, changes and sessions in one SQLite file. Used
// by the store, its watches and its sessions, each with a connection of its own.
#pragma once

#include "drivers/keystore/sqlite/key_list.hpp"
#include "drivers/keystore/sqlite/keystore.hpp"
#include "sqlite/sqlite.hpp"

namespace ovl {

// How a failure of the file looks to a user of the store: locked and io are "unreachable".
Error as_keystore_error(Error error);

class SqliteTables {
 public:
  struct Position {
    Revision revision = 0;  // of the last write
    Revision trimmed = 0;   // changes up to here are forgotten
  };

  static Result<SqliteTables> open(const SqliteKeystoreOptions& options, sqlite::Access access);

  [[nodiscard]] sqlite::Database& database() { return database_; }

  Result<Position> position();
  // Ends the sessions whose time is up. Does its own transaction, and only when there is one to end.
  Status expire();
  // Milliseconds until the next session ends; none: no session.
  Result<std::optional<std::chrono::milliseconds>> next_expiry();
  // Wants an open transaction, and `after` not to be forgotten.
  Result<std::vector<WatchEvent>> changes_after(Revision after, const KeySelection& what);

  // The rest wants an open write transaction.
  Status expire_now();
  // Answers the revision of the store after the writes; when nothing changed, the one before. Nothing: a
  // guard does not hold, and what was written until then is to be rolled back.
  Result<std::optional<Revision>> write(const ovl::Transaction& transaction);
  Result<std::string> add_session(std::chrono::seconds ttl);
  // False: there is no such session (any more).
  Result<bool> renew_session(std::string_view id);
  Status end_session(std::string_view id);
  Status forget_events(Revision upto);

  // Tells watches in this and other processes to look. After the commit: they would see nothing yet.
  void ring() const;

 private:
  SqliteTables(sqlite::Database database, std::string boot, std::int64_t kept_events)
      : database_(std::move(database)), boot_(std::move(boot)), kept_events_(kept_events) {}

  Status check_session(std::string_view id);
  Status advance(Revision revision, const KeyList& changed);
  Status add_events(const sqlite::Statement& list, const KeySelection& what, sqlite::Statement& value,
                    std::vector<WatchEvent>& events) const;
  Status trim();

  sqlite::Database database_;
  std::string boot_;  // id of this boot of the machine
  std::int64_t kept_events_;
};

}  // namespace ovl
