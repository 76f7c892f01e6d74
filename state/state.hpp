// What one host remembers between runs, in <root>/clusters/<cluster>/state.db: what it owns, what it
// changed, what it has begun, and the last good records. Losing it costs history, never an orphan: the
// marks in the kernel tell what is ours. Knows nothing of the kernel or the keystore; has no clock of its
// own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/base/values.hpp"

namespace ovl {

struct StateOptions {
  std::string root = "/var/lib/ovl";  // absolute; made when absent, 0700
  Label cluster;
  // Forgotten with each boot, as the kernel's objects are: there the state's last stamp is kept, below
  // <run directory>/ovl. Empty: nowhere.
  std::string run_directory = {};
  // Asked before each write, which fails with what it answers: for tests, where a disk fails at the moment of
  // their choice. Empty: never.
  std::function<Status()> before_write = {};
};

// The identity of an owned object. Sorted as its members stand.
struct OwnedKey {
  NetnsName netns;   // empty: the host's own
  std::string kind;  // "link"
  std::string key;   // the kind's key as text, "vxlan0"

  auto operator<=>(const OwnedKey&) const = default;
};

// An object that we made or took over, as we last applied it.
struct OwnedObject {
  OwnedKey id;
  std::string value;  // canonical JSON, kept as it is

  auto operator<=>(const OwnedObject&) const = default;
};

// A value of the host that we changed: to be put back, if it is still ours.
struct Original {
  NetnsName netns;
  std::string path;  // "net/ipv4/conf/eth1/forwarding"
  std::string original;
  std::string ours;

  auto operator<=>(const Original&) const = default;
};

struct JournalEntry {
  std::int64_t id = 0;
  std::string apply_id;
  std::string what;  // for people: "create 12 objects"
  std::size_t operations = 0;
  bool ended = false;
  std::string failure;  // of the end; empty: success

  bool operator==(const JournalEntry&) const = default;
};

// One apply on this host.
struct Generation {
  std::int64_t number = 0;  // chosen by add_generation()
  std::int64_t serial = 0;  // of the cluster's head
  std::string source;
  std::string commit;
  std::string digest;
  std::int64_t when = 0;  // seconds since the epoch
  std::string who;
  std::string apply_id;
  std::string result;  // "ok" or the error's first line
  std::int64_t created = 0, updated = 0, replaced = 0, removed = 0;

  bool operator==(const Generation&) const = default;
};

// A record as it last passed its validation.
struct StoredRecord {
  std::string key;    // below the cluster's tree: "networks/my-net"
  std::string value;  // canonical JSON

  auto operator<=>(const StoredRecord&) const = default;
};

// What this host follows.
struct StoredRecords {
  std::string lineage;
  std::int64_t serial = 0;
  std::vector<StoredRecord> items;  // sorted by key

  bool operator==(const StoredRecords&) const = default;
};

// Every write is durable when it returns. Errors of every call: corrupt (with the remedy), locked
// (another process held the file for 5 s), privilege, io; bug for a write to a state opened to read.
class State {
 public:
  // To be written: the first write makes the file (0600) when it is absent. Also: unsupported (a newer ovl
  // wrote it, or it is on a network file system), io (a symbolic link, a directory), conflict (it is where
  // earlier versions kept it, too).
  static Result<State> open(const StateOptions& options);
  // For plans: makes nothing. A state that is not there is empty.
  static Result<State> open_read_only(const StateOptions& options);

  State(State&&) noexcept;
  State& operator=(State&&) noexcept;
  ~State();

  // <root>/clusters/<cluster>.
  static std::string directory(const StateOptions& options);

  [[nodiscard]] std::string path() const;

  // Keeps a copy of the state as it is, beside it, in place of the last one; none of a state without a
  // generation. Then stamps the state anew. Before the first write of an apply.
  Status back_up();
  // Whether it knows all that ovl has made in this kernel: it carries the stamp that the last apply here
  // gave it. One that was lost, put back, copied or restored does not; nor does any before the first apply of
  // a boot.
  Result<bool> is_certain() const;
  // The state and the place of this boot get a new stamp, so that no copy made before is certain any more.
  Status stamp();
  // It is not certain from here on, until the next stamp.
  void doubt();
  // Where that copy is. Empty: there is none.
  [[nodiscard]] std::string backup() const;

  // Sorted by id.
  Result<std::vector<OwnedObject>> owned() const;
  // All in one transaction: removals first, then upserts.
  Status record(std::span<const OwnedObject> upserts, std::span<const OwnedKey> removals);

  // The namespaces that hold, or may hold, something of ours; sorted.
  Result<std::vector<NetnsName>> namespaces() const;
  // Before the first write into them, so that a crash leaves none unknown.
  Status add_namespaces(std::span<const NetnsName> names);
  // These and no others.
  Status set_namespaces(std::span<const NetnsName> names);

  // Sorted by netns and path.
  Result<std::vector<Original>> originals() const;
  // Keeps the first `original` of a path; `ours` is replaced.
  Status remember_original(const Original& original);
  // No failure when there is none.
  Status forget_original(const NetnsName& netns, std::string_view path);

  // Answers the entry's id. Of ended entries the last 1,000 are kept.
  Result<std::int64_t> begin(std::string_view apply_id, std::string_view what, std::size_t operations);
  // failure: null for success. Errors: not_found (not begun, or ended already).
  Status end(std::int64_t id, const Error* failure);
  // Begun and never ended: its process died. Oldest first.
  Result<std::vector<JournalEntry>> dangling() const;
  // Newest first.
  Result<std::vector<JournalEntry>> journal(std::size_t limit) const;

  // Its number is one more than the last one's. The last 1,000 are kept.
  Status add_generation(const Generation& generation);
  // Newest first.
  Result<std::vector<Generation>> generations(std::size_t limit) const;

  // Replaces all records, lineage and serial.
  Status save_records(const StoredRecords& records);
  Result<StoredRecords> records() const;
  // The same without its items.
  Result<StoredRecords> records_head() const;

  // What this host is bound to: "host", "keystore", "cluster", "lineage".
  Status bind(std::string_view name, std::string_view value);
  Result<std::optional<std::string>> binding(std::string_view name) const;

 private:
  struct Body;

  explicit State(std::unique_ptr<Body> body);
  static Result<State> open_in_folder(const StateOptions& options, bool writable);

  std::unique_ptr<Body> body_;
};

}  // namespace ovl
