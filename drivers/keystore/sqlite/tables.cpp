#include "drivers/keystore/sqlite/tables.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "files/read.hpp"

namespace ovl {

namespace {

// A watch owes each value in its turn, also one that was overwritten since. Why a list of keys for each
// revision, and no row for each change: a second row costs a publisher half of what the first one does.
// The values stay with their keys; whoever overwrites or deletes a key moves its value to the history. A
// change whose key is neither at its revision nor in the history with it, is a deletion.
constexpr std::array<std::string_view, 2> kMigrations{R"sql(
CREATE TABLE meta (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  revision INTEGER NOT NULL,
  trimmed INTEGER NOT NULL,
  events INTEGER NOT NULL
) STRICT;
INSERT INTO meta VALUES (1, 0, 0, 0);
CREATE TABLE sessions (
  id TEXT PRIMARY KEY NOT NULL,
  boot TEXT NOT NULL,
  expires INTEGER NOT NULL,
  ttl INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE keys (
  key TEXT PRIMARY KEY NOT NULL,
  value BLOB NOT NULL,
  created INTEGER NOT NULL,
  modified INTEGER NOT NULL,
  session TEXT REFERENCES sessions (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX keys_of_session ON keys (session) WHERE session IS NOT NULL;
CREATE TABLE events (
  revision INTEGER NOT NULL,
  key TEXT NOT NULL,
  value BLOB,
  PRIMARY KEY (revision, key)
) STRICT, WITHOUT ROWID;
)sql",
                                                      R"sql(
DROP TABLE events;
CREATE TABLE changes (
  revision INTEGER PRIMARY KEY,
  count INTEGER NOT NULL,
  keys BLOB NOT NULL
) STRICT;
CREATE TABLE history (
  revision INTEGER NOT NULL,
  key TEXT NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (revision, key)
) STRICT, WITHOUT ROWID;
UPDATE meta SET trimmed = revision, events = 0;
)sql"};

constexpr std::int32_t kApplicationId = 0x6f766c6b;  // "ovlk"

// Sessions are timed by CLOCK_BOOTTIME, with the id of the boot beside it. Why not the wall clock: it
// is set back and forth, and a lease would live too long or die at once. This clock is the same for
// all processes of a machine, and the file never leaves one (network file systems are refused);
// sessions of an earlier boot are over, as their processes are.
std::int64_t now_ms() {
  struct timespec now {};

  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

Result<std::string> read_boot_id() {
  std::string id = read_first_line("/proc/sys/kernel/random/boot_id");
  if (!id.empty()) return id;
  return Error{.code = Errc::io, .message = "reading /proc/sys/kernel/random/boot_id failed"};
}

}  // namespace

Error as_keystore_error(Error error) {
  if (error.code == Errc::locked || error.code == Errc::io) error.code = Errc::unreachable;
  return error;
}

Result<SqliteTables> SqliteTables::open(const SqliteKeystoreOptions& options, sqlite::Access access) {
  const sqlite::OpenOptions open_options{
      .path = options.path,
      .access = access,
      .application_id = kApplicationId,
      .migrations = kMigrations,
      .busy_timeout = options.timeout,
      .remedy = "name another file, or move it away and restore the keystore from an export"};
  OVL_TRY(std::string boot, read_boot_id());
  OVL_TRY(sqlite::Database database, sqlite::Database::open(open_options));
  return SqliteTables(std::move(database), std::move(boot), options.kept_events);
}

Result<SqliteTables::Position> SqliteTables::position() {
  OVL_TRY(sqlite::Statement select, database_.prepare("SELECT revision, trimmed FROM meta"));
  OVL_TRY(const bool row, select.step());
  if (!row) return Error{.code = Errc::corrupt, .message = database_.path() + ": its revision is missing"};
  return Position{.revision = static_cast<Revision>(select.integer(0)),
                  .trimmed = static_cast<Revision>(select.integer(1))};
}

// ---- sessions --------------------------------------------------------------------------------

Result<std::optional<std::chrono::milliseconds>> SqliteTables::next_expiry() {
  OVL_TRY(sqlite::Statement select,
          database_.prepare("SELECT min(CASE WHEN boot = ?1 THEN expires ELSE 0 END) FROM sessions"));
  select.bind(1, boot_);
  OVL_TRY(const bool row, select.step());
  if (!row || select.is_null(0)) return std::optional<std::chrono::milliseconds>();
  return std::optional(std::chrono::milliseconds(std::max<std::int64_t>(0, select.integer(0) - now_ms())));
}

Status SqliteTables::expire() {
  OVL_TRY(const auto wait, next_expiry());
  if (!wait || wait->count() > 0) return {};
  OVL_TRY(auto transaction, sqlite::Transaction::begin(database_, sqlite::Transaction::Kind::write));
  OVL_CHECK(expire_now());
  OVL_CHECK(transaction.commit());
  ring();
  return {};
}

Status SqliteTables::expire_now() {
  std::vector<std::string> over;
  {
    OVL_TRY(sqlite::Statement select,
            database_.prepare("SELECT id FROM sessions WHERE boot <> ?1 OR expires <= ?2"));
    select.bind(1, boot_);
    select.bind(2, now_ms());
    for (bool row = true; row;) {
      OVL_TRY(row, select.step());
      if (row) over.emplace_back(select.text(0));
    }
  }
  for (const std::string& id : over) OVL_CHECK(end_session(id));
  return {};
}

Result<std::string> SqliteTables::add_session(std::chrono::seconds ttl) {
  OVL_TRY(
      sqlite::Statement insert,
      database_.prepare("INSERT INTO sessions VALUES (lower(hex(randomblob(16))), ?1, ?2, ?3) RETURNING id"));
  insert.bind(1, boot_);
  insert.bind(2, now_ms() + ttl.count() * 1000);
  insert.bind(3, ttl.count() * 1000);
  OVL_TRY(const bool row, insert.step());
  if (!row) return Error{.code = Errc::bug, .message = "a session got no id"};
  std::string id(insert.text(0));
  OVL_CHECK(insert.run());
  return id;
}

Result<bool> SqliteTables::renew_session(std::string_view id) {
  OVL_TRY(sqlite::Statement update,
          database_.prepare("UPDATE sessions SET expires = ?1 + ttl WHERE id = ?2"));
  update.bind(1, now_ms());
  update.bind(2, id);
  OVL_CHECK(update.run());
  return database_.changes() > 0;
}

Status SqliteTables::end_session(std::string_view id) {
  OVL_TRY(const Position position, this->position());
  const Revision revision = position.revision + 1;
  KeyList gone;
  {
    OVL_TRY(sqlite::Statement select, database_.prepare("SELECT key FROM keys WHERE session = ?1"));
    select.bind(1, id);
    for (bool row = true; row;) {
      OVL_TRY(row, select.step());
      if (row) gone.add(select.text(0));
    }
  }
  for (const std::string_view sql :
       {"INSERT INTO history SELECT modified, key, value FROM keys WHERE session = ?1",
        "DELETE FROM keys WHERE session = ?1", "DELETE FROM sessions WHERE id = ?1"}) {
    OVL_TRY(sqlite::Statement statement, database_.prepare(sql));
    statement.bind(1, id);
    OVL_CHECK(statement.run());
  }
  return gone.count() > 0 ? advance(revision, gone) : Status();
}

Status SqliteTables::check_session(std::string_view id) {
  OVL_TRY(sqlite::Statement select, database_.prepare("SELECT 1 FROM sessions WHERE id = ?1"));
  select.bind(1, id);
  OVL_TRY(const bool row, select.step());
  if (row) return {};
  return Error{.code = Errc::not_found,
               .message = database_.path() + ": the session has ended",
               .hint = "open a new session and write its keys again"};
}

// ---- changes ---------------------------------------------------------------------------------

Status SqliteTables::advance(Revision revision, const KeyList& changed) {
  OVL_TRY(sqlite::Statement log, database_.prepare("INSERT INTO changes VALUES (?1, ?2, ?3)"));
  log.bind(1, static_cast<std::int64_t>(revision));
  log.bind(2, changed.count());
  log.bind_bytes(3, changed.text());
  OVL_CHECK(log.run());
  OVL_TRY(sqlite::Statement update,
          database_.prepare("UPDATE meta SET revision = ?1, events = events + ?2 RETURNING events"));
  update.bind(1, static_cast<std::int64_t>(revision));
  update.bind(2, changed.count());
  OVL_TRY(const bool row, update.step());
  const bool full = row && update.integer(0) > kept_events_;
  OVL_CHECK(update.run());
  return full ? trim() : Status();
}

// Keeps the newer half. Whole revisions go, so that no watch sees a part of one.
Status SqliteTables::trim() {
  Revision upto = 0;
  {
    OVL_TRY(sqlite::Statement select,
            database_.prepare("SELECT revision, count FROM changes ORDER BY revision DESC"));
    std::int64_t kept = 0;
    for (bool row = true; row && kept <= kept_events_ / 2;) {
      OVL_TRY(row, select.step());
      if (!row) return {};
      upto = static_cast<Revision>(select.integer(0));
      kept += select.integer(1);
    }
  }
  return forget_events(upto);
}

Status SqliteTables::forget_events(Revision upto) {
  for (const std::string_view sql :
       {"UPDATE meta SET trimmed = max(trimmed, min(?1, revision)), events = events - "
        "(SELECT coalesce(sum(count), 0) FROM changes WHERE revision <= ?1)",
        "DELETE FROM changes WHERE revision <= ?1", "DELETE FROM history WHERE revision <= ?1"}) {
    OVL_TRY(sqlite::Statement statement, database_.prepare(sql));
    statement.bind(1, static_cast<std::int64_t>(upto));
    OVL_CHECK(statement.run());
  }
  return {};
}

Result<std::vector<WatchEvent>> SqliteTables::changes_after(Revision after, const KeySelection& what) {
  OVL_TRY(sqlite::Statement lists,
          database_.prepare("SELECT revision, keys FROM changes WHERE revision > ?1 ORDER BY revision"));
  OVL_TRY(sqlite::Statement value,
          database_.prepare("SELECT CASE WHEN length(value) <= ?3 THEN value END, length(value) FROM keys "
                            "WHERE key = ?1 AND modified = ?2 UNION ALL "
                            "SELECT CASE WHEN length(value) <= ?3 THEN value END, length(value) FROM history "
                            "WHERE revision = ?2 AND key = ?1"));
  lists.bind(1, static_cast<std::int64_t>(after));
  std::vector<WatchEvent> events;
  for (;;) {
    OVL_TRY(const bool row, lists.step());
    if (!row) return events;
    OVL_CHECK(add_events(lists, what, value, events));
  }
}

// Those of one revision, sorted by key.
Status SqliteTables::add_events(const sqlite::Statement& list, const KeySelection& what,
                                sqlite::Statement& value, std::vector<WatchEvent>& events) const {
  auto keys = KeyList::keys_of(list.text(1));
  if (!keys.ok()) return std::move(keys).error().within(database_.path());
  std::ranges::sort(keys.value());
  for (const std::string& key : keys.value()) {
    if (!what.knows(key)) continue;
    value.reset();
    value.bind(1, key);
    value.bind(2, list.integer(0));
    value.bind(3, static_cast<std::int64_t>(what.limits.value_bytes));
    OVL_TRY(const bool row, value.step());
    WatchEvent event{.key = key, .revision = static_cast<Revision>(list.integer(0))};
    if (row) event.value = std::string(value.text(0));
    if (row && value.is_null(0)) event.left_out = static_cast<std::size_t>(value.integer(1));
    events.push_back(std::move(event));
  }
  return {};
}

void SqliteTables::ring() const {
  // By name, for a descriptor of ours would drop SQLite's locks when it is closed. A bell that fails
  // to ring is heard at the watch's next look.
  (void)::utimensat(AT_FDCWD, database_.path().c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
}

}  // namespace ovl
