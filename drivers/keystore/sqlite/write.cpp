// One transaction of the port in the tables: guards, writes, and what they change for watches.
#include <algorithm>
#include <numeric>

#include "drivers/keystore/check.hpp"
#include "drivers/keystore/sqlite/tables.hpp"

namespace ovl {

namespace {

// An insert checks by itself that its key is not there.
bool is_checked_by_insert(const Guard& guard, const Write& write) {
  return guard.kind == Guard::Kind::absent && write.value.has_value();
}

// By key: what follows its neighbour in the tree is inserted in half the time.
std::vector<std::size_t> order_of(const std::vector<Write>& writes) {
  std::vector<std::size_t> order(writes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto less = [&](std::size_t a, std::size_t b) { return writes[a].key < writes[b].key; };
  if (!std::ranges::is_sorted(order, less)) std::ranges::stable_sort(order, less);
  return order;
}

// A statement that is prepared when it is first needed, and then once for all rows.
class Prepared {
 public:
  Prepared(sqlite::Database& database, std::string_view sql) : database_(database), sql_(sql) {}

  Result<sqlite::Statement*> get() {
    if (!statement_) {
      OVL_TRY(statement_, database_.prepare(sql_));
    }
    return &*statement_;
  }

 private:
  sqlite::Database& database_;
  std::string_view sql_;
  std::optional<sqlite::Statement> statement_;
};

// The statements of one write().
class Writer {
 public:
  explicit Writer(sqlite::Database& database) : database_(database) {}

  Result<bool> holds(const Guard& guard) {
    OVL_TRY(sqlite::Statement* const look, look_.get());
    look->reset();
    look->bind(1, guard.key);
    OVL_TRY(const bool found, look->step());
    const auto revision = static_cast<std::int64_t>(guard.revision);
    switch (guard.kind) {
      case Guard::Kind::absent: return !found;
      case Guard::Kind::same_life: return found && look->integer(0) == revision;
      case Guard::Kind::unmodified: return found && look->integer(1) == revision;
    }
    return Error{.code = Errc::bug, .message = "a guard of an unknown kind"};
  }

  // False: the key is there already, and only_new is set; or it is not there to be deleted.
  Result<bool> change(const Write& write, std::int64_t revision, bool only_new) {
    if (write.value) {
      OVL_TRY(const bool is_new, put(insert_, write, revision));
      if (is_new || only_new) return is_new;
    }
    OVL_CHECK(run(keep_, write.key));
    if (write.value) return put(update_, write, revision);
    OVL_CHECK(run(erase_, write.key));
    return database_.changes() > 0;
  }

 private:
  static Status run(Prepared& prepared, std::string_view key) {
    OVL_TRY(sqlite::Statement* const statement, prepared.get());
    statement->bind(1, key);
    return statement->run();
  }

  Result<bool> put(Prepared& prepared, const Write& write, std::int64_t revision) {
    OVL_TRY(sqlite::Statement* const put, prepared.get());
    put->bind(1, write.key);
    put->bind_bytes(2, *write.value);
    put->bind(3, revision);
    write.session.empty() ? put->bind_null(4) : put->bind(4, write.session);
    OVL_CHECK(put->run());
    return database_.changes() > 0;
  }

  sqlite::Database& database_;
  Prepared look_{database_, "SELECT created, modified FROM keys WHERE key = ?1"};
  Prepared insert_{database_, "INSERT INTO keys VALUES (?1, ?2, ?3, ?3, ?4) ON CONFLICT (key) DO NOTHING"};
  Prepared update_{database_, "UPDATE keys SET value = ?2, modified = ?3, session = ?4 WHERE key = ?1"};
  Prepared erase_{database_, "DELETE FROM keys WHERE key = ?1"};
  Prepared keep_{database_, "INSERT INTO history SELECT modified, key, value FROM keys WHERE key = ?1"};
};

}  // namespace

Result<std::optional<Revision>> SqliteTables::write(const ovl::Transaction& transaction) {
  OVL_TRY(const Position position, this->position());
  const auto revision = static_cast<std::int64_t>(position.revision + 1);
  Writer writer(database_);
  const auto paired = paired_guards(transaction, is_checked_by_insert);
  for (const Guard* guard : guards_apart(transaction, paired)) {
    OVL_TRY(const bool holds, writer.holds(*guard));
    if (!holds) return std::optional<Revision>();
  }
  KeyList changed;
  for (const std::size_t i : order_of(transaction.writes)) {
    const Write& one = transaction.writes[i];
    if (one.value && !one.session.empty()) OVL_CHECK(check_session(one.session));
    OVL_TRY(const bool did, writer.change(one, revision, paired[i] != nullptr));
    if (!did && paired[i] != nullptr) return std::optional<Revision>();
    if (did) changed.add(one.key);
  }
  if (changed.count() == 0) return std::optional(position.revision);
  OVL_CHECK(advance(position.revision + 1, changed));
  return std::optional(position.revision + 1);
}

}  // namespace ovl
