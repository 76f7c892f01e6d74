// A keystore in memory with faults: same contract as the drivers (tests/keystore/ proves it), for
// tests, rehearsals and simulations. Time stands still until advance().
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "drivers/keystore/keystore.hpp"

namespace ovl {

// Every call of every connection is numbered from 0: read, get, commit, open_session, watch, next,
// keep_alive and close.
struct KeystoreFault {
  enum class When : std::uint8_t {
    before,  // the call does nothing and fails
    after    // the call does its work, then its answer is lost
  };
  std::size_t call = 0;
  When when = When::before;
  Errc code = Errc::unreachable;
  bool lasting = false;  // all calls from this one on fail
};

struct KeystoreCall {
  std::string method;   // "commit"
  std::string subject;  // prefix, key or session; of a commit: the keys written, separated by blanks
  std::optional<Errc> failed;
};

// The store itself, shared by its connections. May be used by several threads. It must outlive its
// connections, watches and sessions.
class FakeStore {
 public:
  FakeStore() = default;
  FakeStore(const FakeStore&) = delete;
  FakeStore& operator=(const FakeStore&) = delete;

  // max_operations: as small as a real store's, to see a caller split its work.
  std::unique_ptr<Keystore> connect(std::string name = "fake://", std::size_t max_operations = 1'000'000);

  void add_fault(KeystoreFault fault);
  void clear_faults();
  // The calls so far, in order.
  [[nodiscard]] std::vector<KeystoreCall> calls() const;
  [[nodiscard]] std::size_t call_count() const;

  // Moves the clock of the sessions.
  void advance(std::chrono::milliseconds time);
  // Forgets changes up to and with `upto`, as a compaction does.
  void compact(Revision upto);

 private:
  friend class FakeConnection;
  friend class FakeWatch;
  friend class FakeSession;

  struct Entry {
    KeyValue item;
    std::string session;
  };

  struct Lease {
    std::chrono::milliseconds expires{};
    std::chrono::milliseconds ttl{};
  };

  // The number of a call and what is to happen to it.
  struct Ticket {
    std::size_t number = 0;
    std::optional<KeystoreFault> fault;
  };

  // The rest wants mutex_.
  Ticket begin_call(std::string method, std::string subject);
  template <class T, class F>
  Result<T> call(std::string method, std::string subject, F&& work);
  void expire();
  void end_session(const std::string& id);
  bool holds(const Guard& guard) const;
  bool write(const Write& write, Revision revision);
  Result<CommitResult> commit(const Transaction& transaction, std::size_t max_operations);
  Result<Snapshot> read(const KeySelection& what) const;
  WatchBatch events_after(const KeySelection& what, Revision after) const;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::map<std::string, Lease, std::less<>> leases_;
  std::vector<WatchEvent> events_;
  Revision revision_ = 0;
  Revision trimmed_ = 0;
  std::chrono::milliseconds now_{0};
  std::uint64_t next_lease_ = 1;
  std::vector<KeystoreFault> faults_;
  std::vector<KeystoreCall> calls_;
};

}  // namespace ovl
