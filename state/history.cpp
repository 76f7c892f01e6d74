// The part of class State that grows: the journal and the generations.
#include <fmt/format.h>

#include <algorithm>

#include "state/state.hpp"
#include "state/tables.hpp"

namespace ovl {

namespace {

using Kind = sqlite::Transaction::Kind;

// SQLite counts rows with a signed number.
std::int64_t row_limit(std::size_t limit) {
  return static_cast<std::int64_t>(std::min<std::size_t>(limit, INT32_MAX));
}

JournalEntry entry_of(const sqlite::Statement& row) {
  return JournalEntry{.id = row.integer(0),
                      .apply_id = std::string(row.text(1)),
                      .what = std::string(row.text(2)),
                      .operations = static_cast<std::size_t>(row.integer(3)),
                      .ended = row.integer(4) != 0,
                      .failure = std::string(row.text(5))};
}

Generation generation_of(const sqlite::Statement& row) {
  return Generation{.number = row.integer(0),
                    .serial = row.integer(1),
                    .source = std::string(row.text(2)),
                    .commit = std::string(row.text(3)),
                    .digest = std::string(row.text(4)),
                    .when = row.integer(5),
                    .who = std::string(row.text(6)),
                    .apply_id = std::string(row.text(7)),
                    .result = std::string(row.text(8)),
                    .created = row.integer(9),
                    .updated = row.integer(10),
                    .replaced = row.integer(11),
                    .removed = row.integer(12)};
}

void bind_generation(sqlite::Statement& insert, const Generation& generation) {
  insert.bind(1, generation.serial);
  insert.bind(2, generation.source);
  insert.bind(3, generation.commit);
  insert.bind(4, generation.digest);
  insert.bind(5, generation.when);
  insert.bind(6, generation.who);
  insert.bind(7, generation.apply_id);
  insert.bind(8, generation.result);
  insert.bind(9, generation.created);
  insert.bind(10, generation.updated);
  insert.bind(11, generation.replaced);
  insert.bind(12, generation.removed);
}

}  // namespace

// ---- journal ---------------------------------------------------------------------------------

Result<std::int64_t> State::begin(std::string_view apply_id, std::string_view what, std::size_t operations) {
  OVL_TRY(sqlite::Database* const database, body_->writing());
  OVL_TRY(auto insert, database->prepare("INSERT INTO journal VALUES (NULL, ?1, ?2, ?3, NULL, 0)"));
  insert.bind(1, apply_id);
  insert.bind(2, what);
  insert.bind(3, static_cast<std::int64_t>(operations));
  OVL_CHECK(insert.run());
  return database->last_row_id();
}

Status State::end(std::int64_t id, const Error* failure) {
  OVL_TRY(sqlite::Database* const database, body_->writing());
  OVL_TRY(auto transaction, sqlite::Transaction::begin(*database, Kind::write));
  OVL_TRY(auto update,
          database->prepare("UPDATE journal SET ended = 1, failure = ?1 WHERE id = ?2 AND ended = 0"));
  failure == nullptr ? update.bind_null(1) : update.bind(1, failure->message);
  update.bind(2, id);
  OVL_CHECK(update.run());
  if (database->changes() == 0) {
    return Error{.code = Errc::not_found,
                 .message = fmt::format("{}: journal entry {} is not open", body_->path(), id)};
  }
  OVL_CHECK(
      database->execute("DELETE FROM journal WHERE ended = 1 AND id <= "
                        "(SELECT id FROM journal WHERE ended = 1 ORDER BY id DESC LIMIT 1 OFFSET 1000)"));
  return transaction.commit();
}

Result<std::vector<JournalEntry>> State::dangling() const {
  std::vector<JournalEntry> out;
  OVL_CHECK(body_->query(
      "SELECT id, apply_id, what, operations, ended, failure FROM journal WHERE ended = 0 ORDER BY id",
      nullptr, [&out](const sqlite::Statement& row) -> Status {
        out.push_back(entry_of(row));
        return {};
      }));
  return out;
}

Result<std::vector<JournalEntry>> State::journal(std::size_t limit) const {
  std::vector<JournalEntry> out;
  OVL_CHECK(body_->query(
      "SELECT id, apply_id, what, operations, ended, failure FROM journal ORDER BY id DESC LIMIT ?1",
      [limit](sqlite::Statement& select) { select.bind(1, row_limit(limit)); },
      [&out](const sqlite::Statement& row) -> Status {
        out.push_back(entry_of(row));
        return {};
      }));
  return out;
}

// ---- generations -----------------------------------------------------------------------------

Status State::add_generation(const Generation& generation) {
  OVL_TRY(sqlite::Database* const database, body_->writing());
  OVL_TRY(auto transaction, sqlite::Transaction::begin(*database, Kind::write));
  OVL_TRY(auto insert, database->prepare("INSERT INTO generations VALUES "
                                         "(NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"));
  bind_generation(insert, generation);
  OVL_CHECK(insert.run());
  const std::int64_t number = database->last_row_id();
  OVL_CHECK(database->execute(fmt::format("DELETE FROM generations WHERE number <= {} - 1000", number)));
  return transaction.commit();
}

Result<std::vector<Generation>> State::generations(std::size_t limit) const {
  std::vector<Generation> out;
  OVL_CHECK(body_->query(
      "SELECT * FROM generations ORDER BY number DESC LIMIT ?1",
      [limit](sqlite::Statement& select) { select.bind(1, row_limit(limit)); },
      [&out](const sqlite::Statement& row) -> Status {
        out.push_back(generation_of(row));
        return {};
      }));
  return out;
}

}  // namespace ovl
