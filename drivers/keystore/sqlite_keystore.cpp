#include "drivers/keystore/sqlite_keystore.hpp"

#include "drivers/keystore/check.hpp"
#include "drivers/keystore/sqlite_tables.hpp"
#include "drivers/keystore/sqlite_watch.hpp"

namespace ovl {

namespace {

using Kind = sqlite::Transaction::Kind;

// A million operations are some 100 MB in the write-ahead log.
constexpr std::size_t kMaxOperations = 1'000'000;

KeyValue row_of(const sqlite::Statement& select) {
  return KeyValue{.key = std::string(select.text(0)),
                  .value = std::string(select.text(1)),
                  .created = static_cast<Revision>(select.integer(2)),
                  .modified = static_cast<Revision>(select.integer(3))};
}

Result<Snapshot> read_prefix(SqliteTables& tables, std::string_view prefix) {
  OVL_TRY(auto transaction, sqlite::Transaction::begin(tables.database(), Kind::read));
  OVL_TRY(const auto position, tables.position());
  Snapshot snapshot{.revision = position.revision};
  const auto end = end_of_prefix(prefix);
  // Two statements, so that each is one range of the index.
  OVL_TRY(auto select,
          tables.database().prepare(
              end ? "SELECT key, value, created, modified FROM keys WHERE key >= ?1 AND key < ?2 "
                    "ORDER BY key"
                  : "SELECT key, value, created, modified FROM keys WHERE key >= ?1 ORDER BY key"));
  select.bind(1, prefix);
  if (end) select.bind(2, *end);
  for (;;) {
    OVL_TRY(const bool row, select.step());
    if (!row) return snapshot;
    snapshot.items.push_back(row_of(select));
  }
}

Result<std::optional<KeyValue>> read_key(SqliteTables& tables, std::string_view key) {
  OVL_TRY(auto select,
          tables.database().prepare("SELECT key, value, created, modified FROM keys WHERE key = ?1"));
  select.bind(1, key);
  OVL_TRY(const bool row, select.step());
  if (!row) return std::optional<KeyValue>();
  return std::optional(row_of(select));
}

}  // namespace

SqliteKeystore::SqliteKeystore(SqliteKeystoreOptions options)
    : options_(std::move(options)), name_("sqlite://" + options_.path) {}

SqliteKeystore::~SqliteKeystore() = default;

Result<std::unique_ptr<SqliteKeystore>> SqliteKeystore::open(SqliteKeystoreOptions options) {
  std::unique_ptr<SqliteKeystore> store(new SqliteKeystore(std::move(options)));
  OVL_TRY(const SqliteTables* tables, store->reading());
  (void)tables;
  return store;
}

// An open connection to a file that was replaced would read and write what nobody else sees.
void SqliteKeystore::drop_replaced() {
  if (tables_ != nullptr && !tables_->database().is_in_place()) tables_.reset();
}

Result<SqliteTables*> SqliteKeystore::reading() {
  drop_replaced();
  if (tables_ != nullptr) return tables_.get();
  auto tables = SqliteTables::open(options_, sqlite::Access::read_write);
  writable_ = tables.ok();
  if (!tables.ok() && tables.error().code == Errc::privilege) {
    tables = SqliteTables::open(options_, sqlite::Access::read_only);
  }
  if (!tables.ok() && tables.error().code == Errc::not_found) return static_cast<SqliteTables*>(nullptr);
  if (!tables.ok()) return as_keystore_error(std::move(tables).error());
  tables_ = std::make_unique<SqliteTables>(std::move(tables).value());
  return tables_.get();
}

Result<SqliteTables*> SqliteKeystore::writing() {
  drop_replaced();
  if (tables_ != nullptr && writable_) return tables_.get();
  auto tables = SqliteTables::open(options_, sqlite::Access::create);
  if (!tables.ok()) return as_keystore_error(std::move(tables).error());
  tables_ = std::make_unique<SqliteTables>(std::move(tables).value());
  writable_ = true;
  return tables_.get();
}

// A reader that may not write leaves ended sessions to the next writer.
Status SqliteKeystore::expire(SqliteTables& tables) {
  return writable_ ? tables.expire() : Status();
}

Result<Snapshot> SqliteKeystore::read(std::string_view prefix) {
  OVL_TRY(SqliteTables* const tables, reading());
  if (tables == nullptr) return Snapshot{};
  if (auto expired = expire(*tables); !expired.ok()) return as_keystore_error(std::move(expired).error());
  auto snapshot = read_prefix(*tables, prefix);
  if (!snapshot.ok()) return as_keystore_error(std::move(snapshot).error());
  return snapshot;
}

Result<std::optional<KeyValue>> SqliteKeystore::get(std::string_view key) {
  OVL_TRY(SqliteTables* const tables, reading());
  if (tables == nullptr) return std::optional<KeyValue>();
  if (auto expired = expire(*tables); !expired.ok()) return as_keystore_error(std::move(expired).error());
  auto found = read_key(*tables, key);
  if (!found.ok()) return as_keystore_error(std::move(found).error());
  return found;
}

Result<CommitResult> SqliteKeystore::try_commit(SqliteTables& tables, const Transaction& transaction,
                                                bool& at_end) {
  OVL_TRY(auto lock, sqlite::Transaction::begin(tables.database(), Kind::write));
  OVL_CHECK(tables.expire_now());
  OVL_TRY(const auto revision, tables.write(transaction));
  // Rolled back; sessions whose time is up are ended by the next call again.
  if (!revision) return CommitResult{};
  at_end = true;
  OVL_CHECK(lock.commit());
  tables.ring();
  return CommitResult{.committed = true, .revision = *revision};
}

Result<CommitResult> SqliteKeystore::commit(const Transaction& transaction) {
  OVL_CHECK(check_transaction(transaction, operations(transaction), kMaxOperations));
  OVL_TRY(SqliteTables* const tables, writing());
  bool at_end = false;
  auto result = try_commit(*tables, transaction, at_end);
  if (result.ok()) return result;
  Error error = std::move(result).error();
  // The log may hold the whole transaction although its sync failed; recovery then finds it.
  if (at_end && error.code == Errc::io) error.code = Errc::in_doubt;
  return as_keystore_error(std::move(error));
}

Result<std::unique_ptr<Session>> SqliteKeystore::open_session(std::chrono::seconds ttl) {
  if (ttl < std::chrono::seconds{1}) {
    return Error{.code = Errc::usage, .message = "a session lives at least one second"};
  }
  auto session = SqliteSession::open(options_, ttl);
  if (!session.ok()) return as_keystore_error(std::move(session).error());
  return session;
}

Result<std::unique_ptr<Watch>> SqliteKeystore::watch(std::string_view prefix, Revision after) {
  return SqliteWatch::open(options_, std::string(prefix), after);
}

std::size_t SqliteKeystore::max_operations() const {
  return kMaxOperations;
}

Status SqliteKeystore::compact(Revision upto) {
  OVL_TRY(SqliteTables* const tables, writing());
  const auto forget = [tables, upto]() -> Status {
    OVL_TRY(auto lock, sqlite::Transaction::begin(tables->database(), Kind::write));
    OVL_CHECK(tables->forget_events(upto));
    return lock.commit();
  };
  auto status = forget();
  if (!status.ok()) return as_keystore_error(std::move(status).error());
  return {};
}

}  // namespace ovl
