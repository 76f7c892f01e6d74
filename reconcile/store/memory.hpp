// What a place remembers of its cluster, against what the store holds of it: a store that was wiped, put back
// from an older copy, or begun anew under the same name is told from one that goes on.
// docs/decisions/0018-lost-stores.md says why each answer is what it is.
#pragma once

#include <optional>
#include <string>

#include "reconcile/store/store_view.hpp"
#include "state/state.hpp"

namespace ovl {

// The head that this place stood at last, without the records (see remember()).
struct Memory {
  std::string lineage;        // empty: it remembers no cluster
  std::optional<Head> head;   // absent: an earlier version kept none
  std::string keystore;       // the URL of the store
  std::int64_t since = 0;     // it follows this lineage; seconds since the epoch, 0 when it is not known
  std::int64_t put_back = 0;  // the newest PutBack::serial that it has seen
};

// Errors: as State, and corrupt.
Result<Memory> memory_of(const State& state);

// Where a store is, of Request::keystore_access.
std::string url_of(const std::string& keystore_access);

// From now on this place follows that lineage. Errors: as State.
Status follow_lineage(State& state, const std::string& lineage, std::int64_t now);

struct Standpoint {
  const Head& head;
  const std::optional<PutBack>& put_back;
  std::string keystore_access;  // as Request's
  std::int64_t now = 0;         // seconds since the epoch
};

// Errors: as State.
Status keep_memory(State& state, const Standpoint& at);

enum class Tree : std::uint8_t {
  goes_on,     // what is remembered is part of its history, or nothing is remembered
  absent,      // it has no head, and nothing is remembered: new, or lost
  lost,        // it has no head
  begun_anew,  // at the same place from the same source, after this place had begun to follow its own lineage
  rebuilt,     // by somebody who remembered less than this place does
  older,       // of the same lineage, and without the generation that this place stands at
  foreign      // of another lineage
};

Tree judge(const Memory& memory, const StoreView& view, const std::string& keystore);

// Whether such a tree gets back what is remembered without a word from anybody.
bool is_put_back(Tree tree);

// What is remembered, and beside it what the store has that contradicts none of it.
Records put_back(const Records& remembered, const Records& now);

// What is said beside the head with this serial, which puts a tree back. from: the generation that is
// remembered.
PutBack put_back_record(const Memory& memory, const StoreView& view, std::int64_t from, std::int64_t serial);

}  // namespace ovl
