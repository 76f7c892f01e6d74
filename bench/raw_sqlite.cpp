#include <sqlite3.h>

#include "bench/raw_store.hpp"

namespace ovl::bench {

namespace {

class RawSqlite final : public RawStore {
 public:
  explicit RawSqlite(const std::string& path) {
    check(sqlite3_open(path.c_str(), &database_));
    run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536;"
        "CREATE TABLE keys (key TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL) WITHOUT ROWID");
  }

  RawSqlite(const RawSqlite&) = delete;
  RawSqlite& operator=(const RawSqlite&) = delete;

  ~RawSqlite() override { sqlite3_close(database_); }

  void publish(const std::vector<Item>& items) override {
    run("BEGIN IMMEDIATE");
    sqlite3_stmt* insert = prepare("INSERT INTO keys VALUES (?1, ?2)");
    for (const Item& item : items) {
      sqlite3_bind_text(insert, 1, item.key.data(), static_cast<int>(item.key.size()), SQLITE_STATIC);
      sqlite3_bind_blob(insert, 2, item.value.data(), static_cast<int>(item.value.size()), SQLITE_STATIC);
      check(sqlite3_step(insert), SQLITE_DONE);
      sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
    run("COMMIT");
  }

  std::vector<Item> read(const std::string& prefix) override {
    std::string end = prefix;
    ++end.back();
    sqlite3_stmt* select = prepare("SELECT key, value FROM keys WHERE key >= ?1 AND key < ?2 ORDER BY key");
    sqlite3_bind_text(select, 1, prefix.data(), static_cast<int>(prefix.size()), SQLITE_STATIC);
    sqlite3_bind_text(select, 2, end.data(), static_cast<int>(end.size()), SQLITE_STATIC);
    std::vector<Item> items;
    while (sqlite3_step(select) == SQLITE_ROW) items.push_back({bytes(select, 0), bytes(select, 1)});
    sqlite3_finalize(select);
    return items;
  }

 private:
  static std::string bytes(sqlite3_stmt* row, int column) {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(row, column));
    return {data, static_cast<std::size_t>(sqlite3_column_bytes(row, column))};
  }

  void check(int code, int wanted = SQLITE_OK) {
    if (code != wanted) fail(sqlite3_errmsg(database_));
  }

  void run(const char* sql) { check(sqlite3_exec(database_, sql, nullptr, nullptr, nullptr)); }

  sqlite3_stmt* prepare(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    check(sqlite3_prepare_v2(database_, sql, -1, &statement, nullptr));
    return statement;
  }

  sqlite3* database_ = nullptr;
};

}  // namespace

std::unique_ptr<RawStore> raw_sqlite(const std::string& path) {
  return std::make_unique<RawSqlite>(path);
}

}  // namespace ovl::bench
