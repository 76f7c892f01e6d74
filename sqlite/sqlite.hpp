// SQLite behind RAII: opened safely, errors as Result. The small layer that the host's state and the
// embedded keystore share; sqlite.cpp is the only includer of sqlite3.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "model/base/result.hpp"

struct sqlite3_stmt;

namespace ovl::sqlite {

// What a connection and its statements share; its address is stable.
struct Connection;

// read_write brings an older file up to date; create also makes the file (0600) and its directories
// (0700) when they are absent.
enum class Access : std::uint8_t { read_only, read_write, create };

struct OpenOptions {
  std::string path;  // absolute
  Access access = Access::create;
  std::int32_t application_id = 0;  // PRAGMA application_id; a file with another is refused
  // Step i makes the format 1.(i + 1) from 1.i. A minor format only adds tables and indices, so that an older
  // build goes on with a file that a newer one has brought forward; what changes a table makes the next
  // thousand.
  std::span<const std::string_view> migrations;
  std::chrono::milliseconds busy_timeout{5000};  // how long to wait for another process
  std::string remedy;                            // the hint of Errc::corrupt
};

// A prepared statement. Parameters count from 1, columns from 0. It must not outlive its database, which
// keeps it for the next one of the same text.
class Statement {
 public:
  void bind(int parameter, std::int64_t number);
  // The bytes are not copied: they must stay as they are until the statement is reset.
  void bind(int parameter, std::string_view text);
  void bind_bytes(int parameter, std::string_view bytes);
  void bind_null(int parameter);

  // True: there is a row. False: the end. A wrong bind is reported here.
  Result<bool> step();
  // To the end, then ready to be bound again.
  Status run();
  void reset();

  // Of the present row.
  [[nodiscard]] std::int64_t integer(int column) const;
  // Text or bytes, whichever it is; valid until the next step. Empty for NULL.
  [[nodiscard]] std::string_view text(int column) const;
  [[nodiscard]] bool is_null(int column) const;

 private:
  friend class Database;

  struct GiveBack {
    Connection* connection;
    void operator()(sqlite3_stmt* statement) const;
  };

  Statement(Connection& connection, sqlite3_stmt* statement)
      : connection_(&connection), handle_(statement, GiveBack{&connection}) {}

  void note(int code);

  Connection* connection_;
  std::unique_ptr<sqlite3_stmt, GiveBack> handle_;
  int bind_error_ = 0;
};

// One connection: WAL, synchronous=FULL (a commit that returned survives a power cut), no trust in
// the file's own schema. Not for use by two threads at once, never across a fork.
//
// Errors of every call: locked (another process held it longer than busy_timeout), corrupt (no
// database, damaged, or another program's), privilege (may not be written), io.
class Database {
 public:
  // Also: not_found (absent and not to be made; read_only: or still empty), privilege (to be written and
  // may not), unsupported (made by a newer ovl, or on a network file system).
  static Result<Database> open(const OpenOptions& options);

  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  Result<Statement> prepare(std::string_view sql);
  // One or more statements without parameters or results.
  Status execute(const std::string& sql);
  // The first column of the first row of a query that always has one.
  Result<std::int64_t> number(std::string_view sql);
  // Rows that the last insert, update or delete changed.
  [[nodiscard]] std::int64_t changes() const;
  [[nodiscard]] std::int64_t last_row_id() const;

  // A copy of the whole database as it is at one moment, at path: whole, or what was there before.
  Status copy_to(const std::string& path);

  // Where the file is, links in its directory resolved.
  [[nodiscard]] const std::string& path() const;
  // False when the file was removed or replaced since: what is written then reaches nobody.
  [[nodiscard]] bool is_in_place() const;

 private:
  friend class Transaction;

  explicit Database(std::unique_ptr<Connection> connection);
  Status configure(const OpenOptions& options);
  Status check(const OpenOptions& options);
  Status migrate(const OpenOptions& options);
  Status migrate_locked(const OpenOptions& options);

  std::unique_ptr<Connection> connection_;
};

// Rolls back unless committed. A read transaction sees one state of the whole database; a write
// transaction waits for its turn at the start and cannot fail for want of a lock later.
class Transaction {
 public:
  enum class Kind : std::uint8_t { read, write };
  static Result<Transaction> begin(Database& database, Kind kind);

  Transaction(Transaction&& other) noexcept : connection_(std::exchange(other.connection_, nullptr)) {}

  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  // Durable when it returns. Errc::io: whether it took place is known after the next open only.
  Status commit();

 private:
  explicit Transaction(Connection& connection) : connection_(&connection) {}

  Connection* connection_;  // null: over
};

}  // namespace ovl::sqlite
