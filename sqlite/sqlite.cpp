// The only includer of sqlite3.h.
#include "sqlite/sqlite.hpp"

#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <vector>

#include "sqlite/file.hpp"

namespace ovl::sqlite {

namespace {

// PRAGMA user_version is one number: its thousands, from 1 on, are the major format.
constexpr std::int64_t kNextMajor = 1'000;

std::string format_text(std::int64_t version) {
  return fmt::format("{}.{}", 1 + version / kNextMajor, version % kNextMajor);
}

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};

struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

// More different statements than anybody of ours uses on one connection.
constexpr std::size_t kKeptStatements = 64;

// Files up to this size are checked whole when they are opened; measured, that is below 10 ms.
constexpr off_t kCheckedBytes = off_t{4} << 20;

}  // namespace

struct Connection {
  std::string path;
  std::string remedy;
  dev_t device = 0;
  ino_t inode = 0;
  std::chrono::milliseconds busy_timeout{0};
  std::unique_ptr<sqlite3, CloseDatabase> handle;
  // Prepared and out of use: the next one of the same text takes it, as preparing costs what a short
  // statement's work does.
  std::vector<std::unique_ptr<sqlite3_stmt, FinalizeStatement>> idle;

  sqlite3_stmt* take(std::string_view sql) {
    const auto at =
        std::ranges::find_if(idle, [&](const auto& one) { return sqlite3_sql(one.get()) == sql; });
    if (at == idle.end()) return nullptr;
    sqlite3_stmt* statement = at->release();
    idle.erase(at);
    return statement;
  }
};

namespace {

struct Meaning {
  Errc code;
  std::string_view words;  // empty: SQLite's own
};

Meaning meaning_of(int code) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return {Errc::locked, "another process holds it"};
    case SQLITE_NOTADB: return {Errc::corrupt, "it is not a SQLite database"};
    case SQLITE_CORRUPT: return {Errc::corrupt, "it is damaged"};
    // A statement of ours that does not fit the tables: somebody else changed them.
    case SQLITE_ERROR:
    case SQLITE_SCHEMA:
    case SQLITE_MISMATCH: return {Errc::corrupt, ""};
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH: return {Errc::privilege, "it may not be written"};
    case SQLITE_FULL: return {Errc::io, "the disk is full"};
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_CONSTRAINT: return {Errc::bug, ""};
    default: return {Errc::io, ""};
  }
}

Error error_of(const Connection& connection, int code) {
  const int os_errno = sqlite3_system_errno(connection.handle.get());
  Meaning meaning = meaning_of(code);
  if (meaning.code == Errc::io && (os_errno == EACCES || os_errno == EPERM || os_errno == EROFS)) {
    meaning = {Errc::privilege, "permission denied"};
  }
  // Where it is the file beside the database that has no room.
  if (os_errno == ENOSPC) meaning = meaning_of(SQLITE_FULL);
  std::string words(meaning.words);
  if (words.empty()) words = sqlite3_errmsg(connection.handle.get());
  std::string hint;
  if (meaning.code == Errc::corrupt) hint = connection.remedy;
  if (meaning.code == Errc::locked) {
    words += fmt::format(" (waited {} ms)", connection.busy_timeout.count());
    hint = "wait for the other process to finish, then try again";
  }
  if (meaning.code == Errc::privilege) hint = "run as the user that owns it";
  return Error{.code = meaning.code,
               .message = fmt::format("{}: {}", connection.path, words),
               .hint = std::move(hint),
               .os_errno = os_errno};
}

Error corrupt(const Connection& connection, std::string_view words) {
  return Error{.code = Errc::corrupt,
               .message = fmt::format("{}: {}", connection.path, words),
               .hint = connection.remedy};
}

Status run_sql(Connection& connection, const char* sql) {
  const int code = sqlite3_exec(connection.handle.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return error_of(connection, code);
  return {};
}

}  // namespace

// ---- Statement -------------------------------------------------------------------------------

void Statement::GiveBack::operator()(sqlite3_stmt* statement) const {
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  std::unique_ptr<sqlite3_stmt, FinalizeStatement> kept(statement);
  if (connection->idle.size() < kKeptStatements) connection->idle.push_back(std::move(kept));
}

void Statement::note(int code) {
  if (bind_error_ == 0) bind_error_ = code;
}

void Statement::bind(int parameter, std::int64_t number) {
  note(sqlite3_bind_int64(handle_.get(), parameter, number));
}

void Statement::bind(int parameter, std::string_view text) {
  // A null pointer would bind NULL.
  const char* data = text.data() == nullptr ? "" : text.data();
  note(sqlite3_bind_text64(handle_.get(), parameter, data, text.size(), nullptr, SQLITE_UTF8));
}

void Statement::bind_bytes(int parameter, std::string_view bytes) {
  const char* data = bytes.data() == nullptr ? "" : bytes.data();
  note(sqlite3_bind_blob64(handle_.get(), parameter, data, bytes.size(), nullptr));
}

void Statement::bind_null(int parameter) {
  note(sqlite3_bind_null(handle_.get(), parameter));
}

Result<bool> Statement::step() {
  if (bind_error_ != 0) return error_of(*connection_, bind_error_);
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  Error failure = error_of(*connection_, code);
  reset();
  return failure;
}

Status Statement::run() {
  bool more = true;
  while (more) {
    OVL_TRY(more, step());
  }
  reset();
  return {};
}

void Statement::reset() {
  sqlite3_reset(handle_.get());
  bind_error_ = 0;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(handle_.get(), column);
}

std::string_view Statement::text(int column) const {
  const void* data = sqlite3_column_blob(handle_.get(), column);
  if (data == nullptr) return {};
  return {static_cast<const char*>(data),
          static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL;
}

// ---- Transaction -----------------------------------------------------------------------------

Result<Transaction> Transaction::begin(Database& database, Kind kind) {
  Connection& connection = *database.connection_;
  // A large write that outgrows the page cache writes the same pages again and again, and memory is taken as
  // it is needed. A reader has each page once: with a large cache it would hold what it passes over.
  OVL_CHECK(run_sql(connection, kind == Kind::write ? "PRAGMA cache_size = -65536; BEGIN IMMEDIATE"
                                                    : "PRAGMA cache_size = -2048; BEGIN"));
  return Transaction(connection);
}

Transaction::~Transaction() {
  if (connection_ != nullptr) sqlite3_exec(connection_->handle.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

Status Transaction::commit() {
  OVL_CHECK(run_sql(*connection_, "COMMIT"));
  connection_ = nullptr;
  return {};
}

// ---- Database --------------------------------------------------------------------------------

Database::Database(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}

Database::Database(Database&&) noexcept = default;
Database& Database::operator=(Database&&) noexcept = default;
Database::~Database() = default;

namespace {

// A path as SQLite's URI form wants it.
std::string uri_of(const std::string& path) {
  std::string out = "file:";
  for (const char c : path) {
    const bool special = c == '%' || c == '?' || c == '#';
    out += special ? fmt::format("%{:02x}", static_cast<unsigned>(c)) : std::string(1, c);
  }
  return out;
}

// A database in WAL mode needs its shared memory file even to be read. Where that can't be made, the file
// is read without: on a file system that nobody writes nothing changes under the reader; somebody who may
// only read sees what was there when the last writer was done.
bool is_immutable(const std::string& path) {
  struct statvfs about {};

  struct stat wal {};

  const std::string directory = path.substr(0, path.rfind('/'));
  const bool fixed = ::statvfs(path.c_str(), &about) == 0 && (about.f_flag & ST_RDONLY) != 0;
  return (fixed || ::access(directory.c_str(), W_OK) != 0) &&
         (::stat((path + "-wal").c_str(), &wal) != 0 || wal.st_size == 0);
}

Status open_handle(Connection& connection, bool writes) {
  const bool immutable = !writes && is_immutable(connection.path);
  const std::string name = immutable ? uri_of(connection.path) + "?immutable=1" : connection.path;
  const int flags = (writes ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOFOLLOW |
                    SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOMUTEX | (immutable ? SQLITE_OPEN_URI : 0);
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(name.c_str(), &handle, flags, nullptr);
  connection.handle.reset(handle);
  if (code != SQLITE_OK) return error_of(connection, code);
  // SQLite falls back to reading when it may not write, and would tell at the first write only.
  if (writes && sqlite3_db_readonly(handle, "main") == 1) return error_of(connection, SQLITE_READONLY);
  return {};
}

}  // namespace

Result<Database> Database::open(const OpenOptions& options) {
  const bool writes = options.access != Access::read_only;
  OVL_TRY(std::string path, prepare_file(options.path, options.access == Access::create));

  struct stat about {};

  if (::stat(path.c_str(), &about) != 0 || (!writes && about.st_size == 0)) {
    return Error{.code = Errc::not_found, .message = path + " is not there yet"};
  }
  auto connection = std::make_unique<Connection>();
  connection->path = std::move(path);
  connection->remedy = options.remedy;
  connection->device = about.st_dev;
  connection->inode = about.st_ino;
  connection->busy_timeout = options.busy_timeout;
  OVL_CHECK(open_handle(*connection, writes));
  Database database(std::move(connection));
  OVL_CHECK(database.configure(options));
  OVL_CHECK(database.check(options));
  OVL_CHECK(database.migrate(options));
  return database;
}

namespace {

// Only one process can turn a new file to WAL, and SQLite answers the others at once instead of
// calling its busy handler (sqlite3PagerOpenWal takes an exclusive lock on top of a shared one).
Status turn_to_wal(Database& database, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (std::chrono::milliseconds pause{1};; pause = std::min(pause * 2, std::chrono::milliseconds{50})) {
    Status status = database.execute("PRAGMA journal_mode = WAL");
    const bool again = !status.ok() && status.error().code == Errc::locked;
    if (!again || std::chrono::steady_clock::now() >= deadline) return status;
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace

Status Database::configure(const OpenOptions& options) {
  sqlite3* handle = connection_->handle.get();
  sqlite3_busy_timeout(handle, static_cast<int>(options.busy_timeout.count()));
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  return execute(
      "PRAGMA cache_size = -2048;"
      "PRAGMA cell_size_check = ON;"
      "PRAGMA foreign_keys = ON;"
      "PRAGMA synchronous = FULL;");
}

Status Database::check(const OpenOptions& options) {
  OVL_TRY(const std::int64_t tables, number("SELECT count(*) FROM sqlite_schema"));
  OVL_TRY(const std::int64_t application, number("PRAGMA application_id"));
  if ((tables > 0 || application != 0) && application != options.application_id) {
    return corrupt(*connection_, "it is the SQLite database of another program");
  }
  OVL_TRY(const std::int64_t version, number("PRAGMA user_version"));
  if (version >= kNextMajor) {
    return Error{.code = Errc::unsupported,
                 .message = fmt::format("{} was written by a newer ovl (format {}, this one reads 1.{})",
                                        connection_->path, format_text(version), options.migrations.size()),
                 .hint = "use the newer ovl"};
  }

  struct stat about {};

  if (::stat(connection_->path.c_str(), &about) == 0 && about.st_size > kCheckedBytes) return {};
  OVL_TRY(Statement statement, prepare("PRAGMA quick_check(1)"));
  OVL_TRY(const bool row, statement.step());
  if (!row || statement.text(0) != "ok") return corrupt(*connection_, "it is damaged");
  return {};
}

Status Database::migrate(const OpenOptions& options) {
  OVL_TRY(const std::int64_t version, number("PRAGMA user_version"));
  const auto known = static_cast<std::int64_t>(options.migrations.size());
  if (options.access == Access::read_only) {
    if (version >= known) return {};
    return Error{.code = version == 0 ? Errc::not_found : Errc::unsupported,
                 .message = fmt::format("{} has format {}, not yet {}", connection_->path, version, known),
                 .hint = "the next command that may write to it brings it up to date"};
  }
  OVL_CHECK(turn_to_wal(*this, options.busy_timeout));
  if (version >= known) return {};
  return migrate_locked(options);
}

Status Database::migrate_locked(const OpenOptions& options) {
  OVL_TRY(Transaction transaction, Transaction::begin(*this, Transaction::Kind::write));
  OVL_TRY(const std::int64_t version, number("PRAGMA user_version"));
  // Another process was here meanwhile, maybe of a newer build, whose format stays.
  if (version >= static_cast<std::int64_t>(options.migrations.size())) return {};
  for (auto step = static_cast<std::size_t>(version); step < options.migrations.size(); ++step) {
    OVL_CHECK(execute(std::string(options.migrations[step])));
  }
  OVL_CHECK(execute(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}",
                                options.application_id, options.migrations.size())));
  return transaction.commit();
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* handle = connection_->take(sql);
  if (handle != nullptr) return Statement(*connection_, handle);
  const int code = sqlite3_prepare_v3(connection_->handle.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  Statement statement(*connection_, handle);
  if (code != SQLITE_OK) return error_of(*connection_, code);
  return statement;
}

Status Database::execute(const std::string& sql) {
  return run_sql(*connection_, sql.c_str());
}

Result<std::int64_t> Database::number(std::string_view sql) {
  OVL_TRY(Statement statement, prepare(sql));
  OVL_TRY(const bool row, statement.step());
  if (!row) return corrupt(*connection_, "a row is missing");
  return statement.integer(0);
}

std::int64_t Database::changes() const {
  return sqlite3_changes64(connection_->handle.get());
}

std::int64_t Database::last_row_id() const {
  return sqlite3_last_insert_rowid(connection_->handle.get());
}

Status Database::copy_to(const std::string& path) {
  // SQLite takes no link on the way there (SQLITE_OPEN_NOFOLLOW), and folders may be links.
  OVL_TRY(const std::string real, in_real_folder(path));
  const std::string unfinished = real + ".new";
  OVL_CHECK(make_empty_file(unfinished));
  OVL_TRY(Statement copy, prepare("VACUUM INTO ?1"));
  copy.bind(1, unfinished);
  Status done = copy.run();
  // SQLite does not sync what it writes here.
  if (done.ok()) done = publish_file(unfinished, real);
  if (!done.ok()) ::unlink(unfinished.c_str());
  return done;
}

const std::string& Database::path() const {
  return connection_->path;
}

bool Database::is_in_place() const {
  struct stat about {};

  return ::lstat(connection_->path.c_str(), &about) == 0 && about.st_dev == connection_->device &&
         about.st_ino == connection_->inode;
}

}  // namespace ovl::sqlite
