// Watches and sessions of the embedded keystore; each has its own connection and may outlive the store.
#pragma once

#include "drivers/keystore/sqlite/tables.hpp"
#include "model/base/handle.hpp"

namespace ovl {

class SqliteWatch final : public Watch {
 public:
  static Result<std::unique_ptr<Watch>> open(SqliteKeystoreOptions options, KeySelection what,
                                             Revision after);
  Result<WatchBatch> next(std::chrono::milliseconds timeout) override;

 private:
  SqliteWatch(SqliteKeystoreOptions options, KeySelection what, Revision after)
      : options_(std::move(options)), what_(std::move(what)), after_(after) {}

  Status connect();
  Result<WatchBatch> look();
  Result<WatchBatch> look_inside();
  Result<bool> wait(std::chrono::steady_clock::time_point deadline);

  SqliteKeystoreOptions options_;
  KeySelection what_;
  Revision after_;
  bool reset_ = false;  // changes were missed; this watch can only say so
  std::optional<SqliteTables> tables_;
  UniqueFd bell_;
};

class SqliteSession final : public Session {
 public:
  static Result<std::unique_ptr<Session>> open(const SqliteKeystoreOptions& options,
                                               std::chrono::seconds ttl);
  ~SqliteSession() override;

  [[nodiscard]] const std::string& id() const override { return id_; }

  Status keep_alive() override;
  Status close() override;

 private:
  SqliteSession(SqliteTables tables, std::string id) : tables_(std::move(tables)), id_(std::move(id)) {}

  SqliteTables tables_;
  std::string id_;
  bool open_ = true;
};

}  // namespace ovl
