// The tables of the host's state, and how a row is read: shared by the .cpp files of class State.
#pragma once

#include <functional>
#include <optional>

#include "sqlite/sqlite.hpp"
#include "state/state.hpp"

namespace ovl {

inline constexpr std::string_view kBackupSuffix = ".backup";

// Opens the state.db of a folder. Answers none when it is not there and access is not to make it.
Result<std::optional<sqlite::Database>> open_state_tables(const std::string& folder, sqlite::Access access);

using BindRow = std::function<void(sqlite::Statement&)>;
using ReadRow = std::function<Status(const sqlite::Statement&)>;

struct State::Body {
  std::string folder;
  std::string stamp_file;  // empty: nowhere
  bool writable = false;
  std::function<Status()> before_write;      // see StateOptions
  std::optional<sqlite::Database> database;  // none: not there, read as empty

  [[nodiscard]] std::string path() const { return folder + "/state.db"; }

  // Looks again for a file that was not there: another command may have made it, before the host's lock
  // was ours.
  Status look();
  // Makes the file when it is absent. Errors: bug, when this state was opened to read.
  Result<sqlite::Database*> writing();
  // Calls row(statement) for each row of a query until it fails; bind(statement) gives the parameters.
  Status query(std::string_view sql, const BindRow& bind, const ReadRow& row);
  // A namespace's name as stored. Errors: corrupt.
  [[nodiscard]] Result<NetnsName> netns(std::string_view text) const;
};

}  // namespace ovl
