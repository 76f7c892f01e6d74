// The tables of the host's state, and how a row is read: shared by the .cpp files of class State.
#pragma once

#include <functional>
#include <optional>

#include "sqlite/sqlite.hpp"
#include "state/state.hpp"

namespace ovl {

inline constexpr std::string_view kBackupSuffix = ".backup";

// <directory>/state.db.backup.
std::string backup_path(const StateOptions& options);

// Opens <directory>/state.db. Answers none when it is to be read only and is not there.
Result<std::optional<sqlite::Database>> open_state_tables(const StateOptions& options, bool writes);

using BindRow = std::function<void(sqlite::Statement&)>;
using ReadRow = std::function<Status(const sqlite::Statement&)>;

struct State::Body {
  std::string path;
  bool writable = false;
  std::optional<sqlite::Database> database;  // none: not there, read as empty

  // Errors: bug, when this state was opened to read.
  Result<sqlite::Database*> writing();
  // Calls row(statement) for each row of a query until it fails; bind(statement) gives the parameters.
  Status query(std::string_view sql, const BindRow& bind, const ReadRow& row);
  // A namespace's name as stored. Errors: corrupt.
  [[nodiscard]] Result<NetnsName> netns(std::string_view text) const;
};

}  // namespace ovl
