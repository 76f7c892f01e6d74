#include "drivers/keystore/sqlite/keystore.hpp"

#include <fmt/format.h>

#include "drivers/keystore/check.hpp"
#include "drivers/keystore/gathering.hpp"
#include "drivers/keystore/sqlite/tables.hpp"
#include "drivers/keystore/sqlite/watch.hpp"

namespace ovl {

namespace {

using Kind = sqlite::Transaction::Kind;

// A million operations are some 100 MB in the write-ahead log.
constexpr std::size_t kMaxOperations = 1'000'000;

// SQLite tells the length of a value without loading it (OPFLAG_LENGTHARG, sqlite3VdbeExec), and loads the
// value only in the branch that wants it. It walks over it to what is behind, a page at a time.
constexpr std::string_view kColumns =
    "SELECT key, CASE WHEN length(value) <= ?3 THEN value END, created, modified, length(value) FROM keys ";

KeyValue row_of(const sqlite::Statement& select) {
  const bool left_out = select.is_null(1);
  return KeyValue{.key = std::string(select.text(0)),
                  .value = std::string(select.text(1)),
                  .created = static_cast<Revision>(select.integer(2)),
                  .modified = static_cast<Revision>(select.integer(3)),
                  .left_out = left_out ? static_cast<std::size_t>(select.integer(4)) : 0};
}

// The end of a range is looked for here: SQLite would load each row whole to compare it
// (sqlite3VdbeIdxKeyCompare).
bool is_within(const KeyRange& range, std::string_view key) {
  return !range.end || key < *range.end;
}

Status read_known(sqlite::Database& database, const KeyRange& range, const KeySelection& what,
                  Gathering& gathering) {
  OVL_TRY(auto select, database.prepare(fmt::format("{}WHERE key >= ?1 ORDER BY key", kColumns)));
  select.bind(1, range.first);
  select.bind(3, static_cast<std::int64_t>(what.limits.value_bytes));
  for (;;) {
    OVL_TRY(const bool row, select.step());
    if (!row || !is_within(range, select.text(0))) return {};
    if (gathering.wants(select.text(0))) OVL_CHECK(gathering.add(row_of(select)));
  }
}

// Only the names, one at a time.
Status count_others(sqlite::Database& database, const KeyRange& range, Gathering& gathering) {
  OVL_TRY(auto select, database.prepare("SELECT key FROM keys WHERE key >= ?1 ORDER BY key"));
  select.bind(1, range.first);
  for (;;) {
    OVL_TRY(const bool row, select.step());
    if (!row || !is_within(range, select.text(0))) return {};
    gathering.add_unknown(select.text(0));
  }
}

Result<Snapshot> read_selected(SqliteTables& tables, const KeySelection& what, const std::string& name) {
  OVL_TRY(auto transaction, sqlite::Transaction::begin(tables.database(), Kind::read));
  OVL_TRY(const auto position, tables.position());
  Gathering gathering(what, name);
  for (const KeyRange& range : known_ranges(what)) {
    OVL_CHECK(read_known(tables.database(), range, what, gathering));
  }
  for (const KeyRange& range : other_ranges(what)) {
    OVL_CHECK(count_others(tables.database(), range, gathering));
  }
  return gathering.finish(position.revision);
}

Result<std::optional<KeyValue>> read_key(SqliteTables& tables, std::string_view key) {
  OVL_TRY(auto select, tables.database().prepare(fmt::format("{}WHERE key = ?1", kColumns)));
  select.bind(1, key);
  select.bind(3, static_cast<std::int64_t>(kMostValueBytes));
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

Result<Snapshot> SqliteKeystore::read(const KeySelection& what) {
  OVL_TRY(SqliteTables* const tables, reading());
  if (tables == nullptr) return Snapshot{};
  if (auto expired = expire(*tables); !expired.ok()) return as_keystore_error(std::move(expired).error());
  auto snapshot = read_selected(*tables, what, name_);
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

Result<std::unique_ptr<Watch>> SqliteKeystore::watch(const KeySelection& what, Revision after) {
  return SqliteWatch::open(options_, what, after);
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
