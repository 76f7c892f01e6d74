// Keystore: the port to the store that a cluster shares. One small interface, one driver per store,
// one contract test (tests/keystore/) that all drivers pass.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/keystore/key_selection.hpp"
#include "model/base/result.hpp"

namespace ovl {

// Revisions only ever grow within one store; 0 is "never". They compare within one store only.
using Revision = std::uint64_t;

struct KeyValue {
  std::string key;
  std::string value;
  Revision created = 0;   // of the key's present life
  Revision modified = 0;  // of its last write
  // Bytes of a value that is longer than a reader takes: it was not loaded, `value` is empty. 0: it is here.
  std::size_t left_out = 0;
};

// What was selected, as it was at one revision.
struct Snapshot {
  Revision revision = 0;
  std::vector<KeyValue> items;  // sorted by key
  UnknownKeys unknown = {};
};

// A condition that is checked in the same transaction as the writes.
struct Guard {
  enum class Kind {
    absent,      // the key does not exist
    unmodified,  // the key's `modified` is `revision`
    same_life    // the key's `created` is `revision`: the fence of a lock
  };
  Kind kind = Kind::absent;
  std::string key;
  Revision revision = 0;
};

struct Write {
  std::string key;
  std::optional<std::string> value;  // absent: delete
  std::string session = {};          // id of the session whose end deletes the key; empty: none
};

struct Transaction {
  std::vector<Guard> guards;
  std::vector<Write> writes;  // no key twice
};

struct CommitResult {
  bool committed = false;  // false: a guard did not hold, nothing was written
  Revision revision = 0;   // of the write
};

// One change of a watched prefix. value is absent for a deletion. Where a store keeps no history,
// several changes of one key are told as the last of them, with its revision; a deletion that no
// revision is known of bears that of the look that noticed it.
struct WatchEvent {
  std::string key;
  std::optional<std::string> value;
  Revision revision = 0;
  std::size_t left_out = 0;  // as in KeyValue; value is empty then, and not absent
};

// What next() saw. When `reset` is set, changes may have been missed (compaction, session loss, index
// going back): read the prefix anew and watch from that snapshot.
struct WatchBatch {
  bool reset = false;
  std::vector<WatchEvent> events;  // in order of revision
  Revision revision = 0;           // resume after this one
};

class Watch {
 public:
  virtual ~Watch() = default;
  // Waits until something changes, at most `timeout`; an empty batch means it ran out.
  virtual Result<WatchBatch> next(std::chrono::milliseconds timeout) = 0;
};

// A lease. While it lives its keys live; when it ends (close, the destructor, expiry, death of the
// process) they go. A write with the id of a session that has ended is refused: Errc::not_found.
class Session {
 public:
  virtual ~Session() = default;
  [[nodiscard]] virtual const std::string& id() const = 0;
  // Renews the time to live. Errc::not_found: it has expired, its keys are gone.
  virtual Status keep_alive() = 0;
  virtual Status close() = 0;
};

// Errors of every call: Errc::unreachable when the store certainly took nothing; Errc::in_doubt from
// commit() when the answer was lost; Errc::corrupt when the store's own format is broken;
// Errc::privilege when it lets us read but not write, or refuses us.
class Keystore {
 public:
  virtual ~Keystore() = default;

  // What is selected, at one revision, linearizable. However much there is, it needs little more memory than
  // what it answers. Errc::corrupt also when there is more than the selection's limits allow.
  virtual Result<Snapshot> read(const KeySelection& what) = 0;

  // All keys that begin with prefix.
  Result<Snapshot> read(std::string_view prefix) { return read(KeySelection{.prefix = std::string(prefix)}); }

  // A value of more than kMostValueBytes is left out.
  virtual Result<std::optional<KeyValue>> get(std::string_view key) = 0;
  // All guards hold and all writes happen, or nothing does. At most max_operations() by the count of
  // operations(), and not more than the store takes in bytes.
  virtual Result<CommitResult> commit(const Transaction& transaction) = 0;
  virtual Result<std::unique_ptr<Session>> open_session(std::chrono::seconds ttl) = 0;
  // Changes of known keys after `after`; no event is left out without a reset, none comes twice.
  virtual Result<std::unique_ptr<Watch>> watch(const KeySelection& what, Revision after) = 0;

  Result<std::unique_ptr<Watch>> watch(std::string_view prefix, Revision after) {
    return watch(KeySelection{.prefix = std::string(prefix)}, after);
  }

  // At least 16: a record with all its claims, each with a guard, and the fence.
  [[nodiscard]] virtual std::size_t max_operations() const = 0;

  // What a transaction counts: its guards and writes, or less where the store has one operation for
  // both. The sum over parts is never less than the count of the whole.
  [[nodiscard]] virtual std::size_t operations(const Transaction& transaction) const {
    return transaction.guards.size() + transaction.writes.size();
  }

  // How many bytes of keys and values a transaction of many writes should have at most.
  [[nodiscard]] virtual std::size_t max_bytes() const { return std::numeric_limits<std::size_t>::max(); }

  // The store's address without secrets, for messages.
  [[nodiscard]] virtual const std::string& name() const = 0;
};

// Where and how to reach a store; secrets are already resolved into it by the edge and never logged.
struct KeystoreOptions {
  std::string url;
  // Of one call; what comes right after a call that ran out has less (see patience.hpp).
  std::chrono::milliseconds timeout{5000};
  std::string token = {};
  std::string user = {};
  std::string password = {};
  std::string ca_file = {};
  std::string cert_file = {};
  std::string key_file = {};
  bool allow_plaintext = false;
  std::string driver_directory = {};  // of the loadable drivers; empty: beside this program

  [[nodiscard]] bool has_tls() const { return !ca_file.empty() || !cert_file.empty() || !key_file.empty(); }
};

// Opens the store that the URL's scheme names, loading its driver when it is not built in. Errors:
// usage (unknown scheme, malformed URL), guard (plain transport off this machine without
// allow_plaintext), unsupported (no such driver here), unreachable.
Result<std::unique_ptr<Keystore>> open_keystore(const KeystoreOptions& options);

}  // namespace ovl
