#include "state/state.hpp"

#include <unistd.h>

#include "state/folders.hpp"
#include "state/stamp.hpp"
#include "state/tables.hpp"

namespace ovl {

namespace {

using Kind = sqlite::Transaction::Kind;

constexpr std::string_view kStamp = "stamp";  // the binding

std::string text_of(const sqlite::Statement& row, int column) {
  return std::string(row.text(column));
}

void bind_key(sqlite::Statement& statement, const OwnedKey& id) {
  statement.bind(1, id.netns.text());
  statement.bind(2, id.kind);
  statement.bind(3, id.key);
}

Status insert_namespaces(sqlite::Database& database, std::span<const NetnsName> names) {
  OVL_TRY(auto insert, database.prepare("INSERT OR IGNORE INTO namespaces VALUES (?1)"));
  for (const NetnsName& name : names) {
    insert.bind(1, name.text());
    OVL_CHECK(insert.run());
  }
  return {};
}

}  // namespace

State::State(std::unique_ptr<Body> body) : body_(std::move(body)) {}

State::State(State&&) noexcept = default;
State& State::operator=(State&&) noexcept = default;
State::~State() = default;

std::string State::directory(const StateOptions& options) {
  return options.root + "/clusters/" + options.cluster.text();
}

Result<State> State::open(const StateOptions& options) {
  move_state_folders(options.root);
  return open_in_folder(options, true);
}

Result<State> State::open_read_only(const StateOptions& options) {
  return open_in_folder(options, false);
}

Result<State> State::open_in_folder(const StateOptions& options, bool writable) {
  auto body = std::make_unique<Body>();
  OVL_TRY(body->folder, find_state_folder(options));
  OVL_TRY(body->stamp_file, stamp_file(options));
  body->writable = writable;
  body->before_write = options.before_write;
  const auto access = writable ? sqlite::Access::read_write : sqlite::Access::read_only;
  OVL_TRY(body->database, open_state_tables(body->folder, access));
  return State(std::move(body));
}

std::string State::backup() const {
  const std::string path = body_->path() + std::string(kBackupSuffix);
  return ::access(path.c_str(), F_OK) == 0 ? path : std::string();
}

Status State::back_up() {
  OVL_TRY(sqlite::Database* const database, body_->writing());
  OVL_TRY(const std::int64_t generations, database->number("SELECT count(*) FROM generations"));
  if (generations == 0) return stamp();
  Status copied = database->copy_to(body_->path() + std::string(kBackupSuffix));
  if (copied.ok()) return stamp();
  Error error = std::move(copied).error().within("keeping a copy of this host's state");
  if (error.hint.empty()) error.hint = "make room there and try again; nothing was done";
  return error;
}

std::string State::path() const {
  return body_->path();
}

Result<bool> State::is_certain() const {
  OVL_TRY(const auto own, binding(kStamp));
  return own && !body_->stamp_file.empty() && read_stamp(body_->stamp_file) == *own;
}

// The state first: killed in between, it is not certain.
Status State::stamp() {
  OVL_TRY(const std::string stamp, new_stamp());
  OVL_CHECK(bind(kStamp, stamp));
  return body_->stamp_file.empty() ? Status() : write_stamp(body_->stamp_file, stamp);
}

void State::doubt() {
  if (!body_->stamp_file.empty()) remove_stamp(body_->stamp_file);
}

// ---- owned objects ---------------------------------------------------------------------------

Result<std::vector<OwnedObject>> State::owned() const {
  std::vector<OwnedObject> out;
  OVL_CHECK(
      body_->query("SELECT count(*) FROM owned", nullptr, [&out](const sqlite::Statement& row) -> Status {
        out.reserve(static_cast<std::size_t>(row.integer(0)));
        return {};
      }));
  // Rows of one namespace stand together: its name is checked once.
  const auto read = [&](const sqlite::Statement& row) -> Status {
    NetnsName netns;
    if (!out.empty() && out.back().id.netns.text() == row.text(0)) {
      netns = out.back().id.netns;
    } else {
      OVL_TRY(netns, body_->netns(row.text(0)));
    }
    out.push_back({{std::move(netns), text_of(row, 1), text_of(row, 2)}, text_of(row, 3)});
    return {};
  };
  OVL_CHECK(
      body_->query("SELECT netns, kind, key, value FROM owned ORDER BY netns, kind, key", nullptr, read));
  return out;
}

Status State::record(std::span<const OwnedObject> upserts, std::span<const OwnedKey> removals) {
  OVL_TRY(sqlite::Database* const database, body_->writing());
  OVL_TRY(auto transaction, sqlite::Transaction::begin(*database, Kind::write));
  OVL_TRY(auto erase, database->prepare("DELETE FROM owned WHERE netns = ?1 AND kind = ?2 AND key = ?3"));
  for (const OwnedKey& id : removals) {
    bind_key(erase, id);
    OVL_CHECK(erase.run());
  }
  OVL_TRY(auto put, database->prepare("INSERT INTO owned VALUES (?1, ?2, ?3, ?4) "
                                      "ON CONFLICT (netns, kind, key) DO UPDATE SET value = ?4"));
  for (const OwnedObject& object : upserts) {
    bind_key(put, object.id);
    put.bind(4, object.value);
    OVL_CHECK(put.run());
  }
  return transaction.commit();
}

// ---- namespaces ------------------------------------------------------------------------------

Result<std::vector<NetnsName>> State::namespaces() const {
  std::vector<NetnsName> out;
  OVL_CHECK(body_->query("SELECT name FROM namespaces ORDER BY name", nullptr,
                         [&](const sqlite::Statement& row) -> Status {
                           OVL_TRY(NetnsName name, body_->netns(row.text(0)));
                           out.push_back(std::move(name));
                           return {};
                         }));
  return out;
}

Status State::add_namespaces(std::span<const NetnsName> names) {
  OVL_TRY(sqlite::Database* const database, body_->writing());
  OVL_TRY(auto transaction, sqlite::Transaction::begin(*database, Kind::write));
  OVL_CHECK(insert_namespaces(*database, names));
  return transaction.commit();
}

Status State::set_namespaces(std::span<const NetnsName> names) {
  OVL_TRY(sqlite::Database* const database, body_->writing());
  OVL_TRY(auto transaction, sqlite::Transaction::begin(*database, Kind::write));
  OVL_CHECK(database->execute("DELETE FROM namespaces"));
  OVL_CHECK(insert_namespaces(*database, names));
  return transaction.commit();
}

// ---- originals -------------------------------------------------------------------------------

Result<std::vector<Original>> State::originals() const {
  std::vector<Original> out;
  OVL_CHECK(
      body_->query("SELECT netns, path, original, ours FROM originals ORDER BY netns, path", nullptr,
                   [&](const sqlite::Statement& row) -> Status {
                     OVL_TRY(NetnsName netns, body_->netns(row.text(0)));
                     out.push_back({std::move(netns), text_of(row, 1), text_of(row, 2), text_of(row, 3)});
                     return {};
                   }));
  return out;
}

Status State::remember_original(const Original& original) {
  OVL_TRY(sqlite::Database* const database, body_->writing());
  OVL_TRY(auto put, database->prepare("INSERT INTO originals VALUES (?1, ?2, ?3, ?4) "
                                      "ON CONFLICT (netns, path) DO UPDATE SET ours = ?4"));
  put.bind(1, original.netns.text());
  put.bind(2, original.path);
  put.bind(3, original.original);
  put.bind(4, original.ours);
  return put.run();
}

Status State::forget_original(const NetnsName& netns, std::string_view path) {
  OVL_TRY(sqlite::Database* const database, body_->writing());
  OVL_TRY(auto erase, database->prepare("DELETE FROM originals WHERE netns = ?1 AND path = ?2"));
  erase.bind(1, netns.text());
  erase.bind(2, path);
  return erase.run();
}

// ---- last good records -----------------------------------------------------------------------

Status State::save_records(const StoredRecords& records) {
  OVL_TRY(sqlite::Database* const database, body_->writing());
  OVL_TRY(auto transaction, sqlite::Transaction::begin(*database, Kind::write));
  OVL_CHECK(database->execute("DELETE FROM records; DELETE FROM records_head"));
  OVL_TRY(auto head, database->prepare("INSERT INTO records_head VALUES (1, ?1, ?2)"));
  head.bind(1, records.lineage);
  head.bind(2, records.serial);
  OVL_CHECK(head.run());
  OVL_TRY(auto put, database->prepare("INSERT OR REPLACE INTO records VALUES (?1, ?2)"));
  for (const StoredRecord& record : records.items) {
    put.bind(1, record.key);
    put.bind(2, record.value);
    OVL_CHECK(put.run());
  }
  return transaction.commit();
}

Result<StoredRecords> State::records() const {
  StoredRecords out;
  OVL_CHECK(body_->look());
  if (!body_->database) return out;
  // One moment for both tables.
  OVL_TRY(auto transaction, sqlite::Transaction::begin(*body_->database, Kind::read));
  OVL_CHECK(body_->query("SELECT lineage, serial FROM records_head", nullptr,
                         [&out](const sqlite::Statement& row) -> Status {
                           out.lineage = text_of(row, 0);
                           out.serial = row.integer(1);
                           return {};
                         }));
  OVL_CHECK(body_->query("SELECT key, value FROM records ORDER BY key", nullptr,
                         [&out](const sqlite::Statement& row) -> Status {
                           out.items.push_back({text_of(row, 0), text_of(row, 1)});
                           return {};
                         }));
  return out;
}

Result<StoredRecords> State::records_head() const {
  StoredRecords out;
  OVL_CHECK(body_->query("SELECT lineage, serial FROM records_head", nullptr,
                         [&out](const sqlite::Statement& row) -> Status {
                           out.lineage = text_of(row, 0);
                           out.serial = row.integer(1);
                           return {};
                         }));
  return out;
}

// ---- bindings --------------------------------------------------------------------------------

Status State::bind(std::string_view name, std::string_view value) {
  OVL_TRY(sqlite::Database* const database, body_->writing());
  OVL_TRY(auto put, database->prepare("INSERT OR REPLACE INTO bindings VALUES (?1, ?2)"));
  put.bind(1, name);
  put.bind(2, value);
  return put.run();
}

Result<std::optional<std::string>> State::binding(std::string_view name) const {
  std::optional<std::string> out;
  OVL_CHECK(body_->query(
      "SELECT value FROM bindings WHERE name = ?1",
      [name](sqlite::Statement& select) { select.bind(1, name); },
      [&out](const sqlite::Statement& row) -> Status {
        out = text_of(row, 0);
        return {};
      }));
  return out;
}

}  // namespace ovl
