// Stage "observe", keystore side: the cluster's tree read at one revision and validated, and the one
// place that knows the names of its keys.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "drivers/keystore/keystore.hpp"
#include "model/plan/plan.hpp"
#include "model/records/records.hpp"

namespace ovl {

// Keys below "ovl/<cluster>/v1/". The URL's own prefix is the driver's business.
class StoreLayout {
 public:
  explicit StoreLayout(const Label& cluster)
      : root_("ovl/" + cluster.text() + "/v1/"), past_("ovl/" + cluster.text() + "/past/") {}

  [[nodiscard]] const std::string& root() const { return root_; }

  // Every key of the tree that ovl knows. Whoever reads or watches the tree takes these and no others.
  [[nodiscard]] KeySelection tree() const;

  [[nodiscard]] std::string head() const { return root_ + "head"; }

  [[nodiscard]] std::string lock() const { return root_ + "lock"; }

  [[nodiscard]] std::string host(const HostName& name) const { return root_ + "hosts/" + name.text(); }

  [[nodiscard]] std::string network(const Label& name) const { return root_ + "networks/" + name.text(); }

  [[nodiscard]] std::string endpoint(const Label& network, const Label& name) const {
    return root_ + "endpoints/" + network.text() + "/" + name.text();
  }

  [[nodiscard]] std::string facts(const HostName& name) const { return root_ + "facts/" + name.text(); }

  [[nodiscard]] std::string status(const HostName& name) const { return root_ + "status/" + name.text(); }

  // Lives while a long-running command on that host holds its session.
  [[nodiscard]] std::string presence(const HostName& name) const { return root_ + "presence/" + name.text(); }

  // claim is "vni/4789/1048576", "address/my-net/10.0.9.2", ...
  [[nodiscard]] std::string claim(std::string_view claim) const {
    return root_ + "claims/" + std::string(claim);
  }

  [[nodiscard]] std::string put_back() const { return root_ + "put-back"; }

  [[nodiscard]] std::string generations() const { return root_ + "generations/"; }

  [[nodiscard]] std::string generation(std::int64_t serial) const;

  // The folder of what a generation has changed, as it was before: beside the tree, so that only who goes
  // back reads it (reconcile/cluster/past_records.hpp).
  [[nodiscard]] std::string past(std::int64_t serial) const;

 private:
  std::string root_;
  std::string past_;
};

// The member of a presence that says that its host was told to stand back, in words.
inline constexpr std::string_view kSuspendedMember = "suspended";

// Who may call itself by a host's name: claim -> HostFacts::machine. Taken by the host itself.
std::string host_claim(const HostName& name);

// The binding of a host's state that keeps its own claim to its name, as it made it last.
inline constexpr std::string_view kClaimBinding = "claim";

// What a host last reported of itself.
struct HostStatus {
  std::int64_t serial = 0;  // of head, realised
  std::int64_t when = 0;    // seconds since the epoch
  std::string apply_id;
  std::string result;                 // "ok", "frozen: ..." or the error's message
  std::int64_t drift = 0;             // objects that still differed
  std::vector<std::string> differs;   // some of them, by address
  std::optional<std::int64_t> since;  // result and drift are as they are since then
  Newer newer;

  static constexpr auto fields() {
    return std::tuple{setting("serial", &HostStatus::serial),     setting("when", &HostStatus::when),
                      setting("apply_id", &HostStatus::apply_id), setting("result", &HostStatus::result),
                      setting("drift", &HostStatus::drift),       setting("differs", &HostStatus::differs),
                      setting("since", &HostStatus::since)};
  }
};

// One apply that changed the records: for history, decides nothing.
struct GenerationRecord {
  std::int64_t serial = 0;
  std::string source;
  std::string commit;  // empty: a plain directory
  std::string digest;  // of the records
  std::string apply_id;
  std::string who;        // "root@host"
  std::int64_t when = 0;  // seconds since the epoch
  Newer newer;

  static constexpr auto fields() {
    return std::tuple{
        setting("serial", &GenerationRecord::serial),     setting("source", &GenerationRecord::source),
        setting("commit", &GenerationRecord::commit),     setting("digest", &GenerationRecord::digest),
        setting("apply_id", &GenerationRecord::apply_id), setting("who", &GenerationRecord::who),
        setting("when", &GenerationRecord::when)};
  }
};

// Beside the head: that the tree was filled again, or brought forward, from what somebody remembered.
struct PutBack {
  std::int64_t serial = 0;          // of the head that did it
  std::int64_t from = 0;            // the generation that was remembered
  std::vector<std::string> former;  // lineages that were begun under this name and have ended in this one
  Newer newer;

  static constexpr auto fields() {
    return std::tuple{setting("serial", &PutBack::serial), setting("from", &PutBack::from),
                      setting("former", &PutBack::former)};
  }
};

// The cluster's tree, read at one revision. A record that fails its validation is not among the
// records: it is a finding, and its network or host is frozen.
struct StoreView {
  Revision revision = 0;
  std::optional<Head> head;
  Records records;
  Facts facts;
  std::map<std::string, HostStatus> status;              // by host name
  std::map<std::string, std::string> claims;             // claim (without prefix) -> holder
  std::map<std::int64_t, GenerationRecord> generations;  // those that are kept, by serial
  std::vector<Finding> unreadable;                       // records of generations: they stop nobody
  std::optional<PutBack> put_back;
  std::string lock;                           // who writes just now, as StoreLock writes it; empty: nobody
  std::vector<HostName> present;              // hosts with a long-running command, sorted
  std::map<HostName, std::string> suspended;  // of them those where it stands back: who said so, and when
  std::map<std::string, Revision> revisions;  // full key -> modified, of every key read
  std::vector<Finding> refused;               // records that failed validation
  std::vector<std::string> newer;             // keys below the root of what has a newer major format
  UnknownKeys unknown;                        // keys that nobody knows; they were not loaded
  std::vector<EndpointRecord> homeless;       // refused because their network or host is not there
  std::vector<Label> frozen;                  // networks with a refused record, sorted
  std::vector<HostName> frozen_hosts;         // hosts with a refused record or refused facts, sorted
};

Result<StoreView> read_store(Keystore& store, const StoreLayout& layout);

// The same of a tree that was read already.
StoreView view_of(const Snapshot& snapshot, const StoreLayout& layout);

// What a record holds alone in its cluster: claim and holder.
using Claims = std::vector<std::pair<std::string, std::string>>;
Claims claims_of(const HostRecord& host);
Claims claims_of(const NetworkRecord& network);
Claims claims_of(const EndpointRecord& endpoint);

// The claims that a set of records holds: claim -> holder.
std::map<std::string, std::string> claims_of(const Records& records);

// Whether `have` is what `wanted` says, leaving the hosts' own claims aside.
bool claims_fit(const std::map<std::string, std::string>& have,
                const std::map<std::string, std::string>& wanted);

// Checks what no single record shows: references, one holder per address, MAC and VNI, addresses in
// their subnets, values that only a hostile store would hold. Appends to view.refused and drops the
// records concerned: of several that hold what is one's alone, all, as nobody knows whose it was.
void validate_set(StoreView& view);

// What is wrong with the record of a key, relative to the cluster's root.
Finding refusal(std::string key, const std::string& problem);

// Why a value that was left out makes no record. Errc::corrupt.
Error too_long(const KeyValue& item);

// That there are keys that nobody knows; none: there are not.
std::optional<Finding> unknown_keys(const StoreView& view);

// Appends a finding about the record at `key` (below the layout's root).
void refuse_record(StoreView& view, std::string key, const std::string& problem);

}  // namespace ovl
