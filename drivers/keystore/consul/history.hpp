// What a client of a store without history can still know of the past: how it answers "what changed
// since revision R" without leaving out a deletion.
//
// Consul keeps the present, and per prefix the index of the newest change. From that alone a deletion
// that is followed by a write cannot be seen, whoever made it: a transaction, a session's end, or
// `consul kv delete`. Two things make a difference known for certain; where neither helps the watch
// starts with a reset, which sends its owner to read the prefix anew:
//
// 1. Looks. What this client itself read or saw at R is compared with the present, key by key.
// 2. Claims. Each index of the store belongs to one operation. Our transactions write into the Flags of
//    their keys that they removed nothing, and for how many indexes before them the same client knows
//    the same. When the claims of the keys cover every index since R, nothing was removed since R.
//
// One limit remains: Consul forgets after 15 minutes that a prefix had a deletion (the tombstones' time
// to live). Who watches from an older revision that this client did not see itself, may miss one.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "drivers/keystore/consul/api.hpp"

namespace ovl {

// The keys of a selection with the revision of their last write, sorted.
using KnownKeys = std::vector<std::pair<std::string, Revision>>;

// The last looks of one client, shared by its store and its watches.
class Looks {
 public:
  std::shared_ptr<const KnownKeys> remember(const KeySelection& what, Revision revision, const Look& look);
  // What was seen at exactly this revision; nullptr: not known.
  [[nodiscard]] std::shared_ptr<const KnownKeys> find(const KeySelection& what, Revision revision) const;

 private:
  struct Entry {
    std::string prefix;
    std::vector<std::string> parts;
    Revision revision = 0;
    std::shared_ptr<const KnownKeys> keys;
  };

  void forget_old();

  mutable std::mutex mutex_;
  std::deque<Entry> entries_;
};

// The value of Flags. Also what makes a write of the same value a write: Consul leaves a key alone when
// nothing of it changes (agent/consul/state/kvs.go, kvsSetTxn), and its ModifyIndex too.
class Claims {
 public:
  Claims();
  // The flags of the keys of this client's next transaction.
  std::uint64_t next(bool removes);
  // That transaction is at this revision; 0: nobody knows at which.
  void committed(Revision revision, bool removes);

 private:
  Revision last_ = 0;         // our last transaction
  std::uint64_t length_ = 0;  // that many indexes up to and with last_ are ours and removed nothing
  std::uint64_t nonce_ = 0;
};

// True when claims of these entries cover each index in (after, upto].
bool removed_nothing(const std::vector<KvEntry>& entries, Revision after, Revision upto);

}  // namespace ovl
