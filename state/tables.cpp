#include "state/tables.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>

namespace ovl {

namespace {

constexpr std::array<std::string_view, 1> kMigrations{R"sql(
CREATE TABLE owned (
  netns TEXT NOT NULL,
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (netns, kind, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE namespaces (
  name TEXT PRIMARY KEY NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE originals (
  netns TEXT NOT NULL,
  path TEXT NOT NULL,
  original TEXT NOT NULL,
  ours TEXT NOT NULL,
  PRIMARY KEY (netns, path)
) STRICT, WITHOUT ROWID;
CREATE TABLE journal (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  apply_id TEXT NOT NULL,
  what TEXT NOT NULL,
  operations INTEGER NOT NULL,
  failure TEXT,
  ended INTEGER NOT NULL CHECK (ended IN (0, 1))
) STRICT;
CREATE INDEX journal_dangling ON journal (id) WHERE ended = 0;
CREATE TABLE generations (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  serial INTEGER NOT NULL,
  source TEXT NOT NULL,
  "commit" TEXT NOT NULL,
  digest TEXT NOT NULL,
  "when" INTEGER NOT NULL,
  who TEXT NOT NULL,
  apply_id TEXT NOT NULL,
  result TEXT NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  replaced INTEGER NOT NULL,
  removed INTEGER NOT NULL
) STRICT;
CREATE TABLE records_head (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  lineage TEXT NOT NULL,
  serial INTEGER NOT NULL
) STRICT;
CREATE TABLE records (
  key TEXT PRIMARY KEY NOT NULL,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE bindings (
  name TEXT PRIMARY KEY NOT NULL,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
)sql"};

constexpr std::string_view kStateRemedy =
    "move it away; the next apply rebuilds it from the kernel's own marks";
constexpr std::int32_t kApplicationId = 0x6f766c73;  // "ovls"

// The copy is no use with what the damaged file left beside it.
std::string remedy_for(const std::string& file) {
  if (::access((file + std::string(kBackupSuffix)).c_str(), F_OK) != 0) return std::string(kStateRemedy);
  return fmt::format("put its last copy back: cp {0}{1} {0} && rm -f {0}-wal {0}-shm; or {2}", file,
                     kBackupSuffix, kStateRemedy);
}

}  // namespace

Result<std::optional<sqlite::Database>> open_state_tables(const std::string& folder, sqlite::Access access) {
  const std::string file = folder + "/state.db";
  const sqlite::OpenOptions options{.path = file,
                                    .access = access,
                                    .application_id = kApplicationId,
                                    .migrations = kMigrations,
                                    .remedy = remedy_for(file)};
  auto database = sqlite::Database::open(options);
  if (database.ok()) return std::optional(std::move(database).value());
  if (access != sqlite::Access::create && database.error().code == Errc::not_found)
    return std::optional<sqlite::Database>();
  return std::move(database).error();
}

Status State::Body::look() {
  if (database || !writable) return {};
  OVL_TRY(database, open_state_tables(folder, sqlite::Access::read_write));
  return {};
}

Result<sqlite::Database*> State::Body::writing() {
  if (!writable) {
    return Error{.code = Errc::bug, .message = path() + ": a write to a state that was opened to read"};
  }
  if (before_write) OVL_CHECK(before_write());
  if (!database) {
    OVL_TRY(database, open_state_tables(folder, sqlite::Access::create));
  }
  return &*database;
}

Result<NetnsName> State::Body::netns(std::string_view text) const {
  if (text.empty()) return NetnsName();
  auto name = NetnsName::parse(text);
  if (name.ok()) return name;
  return Error{.code = Errc::corrupt,
               .message = fmt::format("{}: a namespace's name: {}", path(), name.error().message),
               .hint = std::string(kStateRemedy)};
}

Status State::Body::query(std::string_view sql, const BindRow& bind, const ReadRow& row) {
  OVL_CHECK(look());
  if (!database) return {};
  OVL_TRY(sqlite::Statement select, database->prepare(sql));
  if (bind) bind(select);
  for (;;) {
    OVL_TRY(const bool found, select.step());
    if (!found) return {};
    OVL_CHECK(row(select));
  }
}

}  // namespace ovl
