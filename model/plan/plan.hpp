// Plan: the ordered changes and what they were computed from. Data only; rendered in cmd/.
#pragma once

#include <string>
#include <vector>

#include "model/base/catalogue.hpp"
#include "model/plan/objects.hpp"
#include "model/records/records.hpp"

namespace ovl {

enum class Action : std::uint8_t { create, update, replace, remove, adopt, forget };

template <>
struct EnumNames<Action> {
  static constexpr std::array<std::string_view, 6> names{"create", "update", "replace",
                                                         "remove", "adopt",  "forget"};
};

// Why a change is planned. Explains to people, never decides.
enum class Reason : std::uint8_t {
  absent,           // desired, not there
  not_desired,      // ours, no longer desired
  stray,            // on a device of ours, nobody asked for it
  differs,          // there, but not as desired
  fixed_field,      // a field that cannot be changed in place differs
  parent_replaced,  // what it stands on is replaced
  half_made,        // made by an apply that did not finish
  requested,        // asked for on the command line
  moved             // the same one under another name
};

template <>
struct EnumNames<Reason> {
  static constexpr std::array<std::string_view, 9> names{"absent",    "not-desired", "stray",
                                                         "differs",   "fixed-field", "parent-replaced",
                                                         "half-made", "requested",   "moved"};
};

// One object's change. Small: 100,000 of them are planned without a string. The references point into
// the plan's own `desired` and `observed`.
struct ObjectChange {
  Action action = Action::create;
  Reason reason = Reason::absent;
  // This host has applied the same wish before: what stands there has moved since, and not what is wanted.
  bool drift = false;
  std::uint32_t space = 0;  // index into Plan::spaces
  ObjectRef before;
  ObjectRef after;
  FieldMask fields = 0;  // that differ, of the kind's table
};

enum class RecordKind : std::uint8_t { host, network, endpoint };

template <>
struct EnumNames<RecordKind> {
  static constexpr std::array<std::string_view, 3> names{"host", "network", "endpoint"};
};

struct FieldDelta {
  std::string name;
  Value before;
  Value after;
};

// One record's change in the keystore. name is "my-net", or "my-net/web" for an endpoint.
struct RecordChange {
  Action action = Action::create;
  Reason reason = Reason::absent;
  RecordKind kind = RecordKind::host;
  std::string name;
  std::string previous;  // its name in the keystore, when that is another one
  Value before;          // null for create
  Value after;           // null for remove
  std::vector<FieldDelta> fields;
};

// A finding that makes (part of) the plan impossible or worth a look.
struct Finding {
  Errc code = Errc::conflict;
  FindingId id;
  std::string subject;  // "link ovl-my-net:vxlan0"
  std::string message;
  std::string hint;
  // The part of this host that it freezes, "endpoint web"; empty: it concerns the whole host.
  std::string part = {};
};

// Traffic that a plan cuts off, and for how long.
struct Interruption {
  std::string subject;             // "endpoint.web", "network.my-net"
  std::string what;                // "all its traffic", "traffic with other hosts"
  bool for_good = false;           // it does not come back
  std::uint32_t milliseconds = 0;  // at most, as measured; 0: until `until` have applied too, or for good
  std::vector<HostName> until;     // hosts whose own apply ends it, sorted; of many the first. None: it ends
                                   // when the manifest is applied
  bool others = false;             // there are more of them

  bool operator==(const Interruption&) const = default;
};

enum class Scope : std::uint8_t { all, cluster, host };

template <>
struct EnumNames<Scope> {
  static constexpr std::array<std::string_view, 3> names{"all", "cluster", "host"};
};

// Where a manifest comes from.
struct Origin {
  std::string source;  // who may change the records; see Head::source; empty: as before
  std::string commit;  // empty: a plain directory
  std::string author;  // "Name <mail>", as the commit says
  std::string path;    // the manifest's folder below the top of the repository
  std::string digest;  // of the manifest's files

  static constexpr auto fields() {
    return std::tuple{setting("source", &Origin::source), setting("commit", &Origin::commit),
                      setting("author", &Origin::author), setting("path", &Origin::path),
                      setting("digest", &Origin::digest)};
  }
};

// What a plan without changes leaves undone all the same, as far as it was known when it was made.
struct Undone {
  bool host_not_looked_at = false;  // for want of privileges
  bool address_untold = false;      // the others know another address of this host, and no record changes
  bool away = false;                // the last good records stand for those of a store that can't be reached
  std::int64_t refused = 0;         // records for which this host's last good ones stand
  std::vector<std::string> steps = {};   // where changes are that take several: "network.a (step 1 of 3)"
  std::vector<std::string> behind = {};  // other hosts that are not as the records say, sorted
  std::vector<std::string> lost = {};    // hosts that nobody waits for, sorted
  bool unsaid = false;  // this host is as the records say, and the others do not know it: an apply tells them

  static constexpr auto fields() {
    return std::tuple{setting("host_not_looked_at", &Undone::host_not_looked_at),
                      setting("address_untold", &Undone::address_untold),
                      setting("away", &Undone::away),
                      setting("refused", &Undone::refused),
                      setting("steps", &Undone::steps),
                      setting("behind", &Undone::behind),
                      setting("lost", &Undone::lost),
                      setting("unsaid", &Undone::unsaid)};
  }
};

struct Plan {
  Scope scope = Scope::all;
  Label cluster;
  HostName host;  // empty for cluster scope
  Origin origin;
  bool destroy = false;
  bool partial = false;       // a selection of what an apply without one would do
  bool refresh_only = false;  // what differs is looked at, and stays
  std::string former_source;  // of the records, which origin.source takes over; empty: it stays
  // The variables that options were taken from, "OVL_HOST": the place where it was made had its say.
  std::vector<std::string> environment;

  std::vector<RecordChange> record_changes;  // in the order in which they are written
  std::vector<NetnsName> spaces;             // namespaces that object changes name, sorted
  std::vector<ObjectChange> object_changes;  // in the order in which they are made
  std::vector<ObjectChange> drift;           // when it only refreshes: what an apply would change here
  std::vector<ObjectChange> in_the_way;      // what conflicts name: what there is, and what it shall be
  std::vector<ObjectChange> left;            // what else differs in parts that are left as they are

  std::vector<Interruption> interruptions;

  std::vector<std::string> waiting;  // objects that wait for a host's first fact
  std::vector<Finding> conflicts;    // of a part: that part is left as it is; others: an apply is refused
  std::vector<NetnsName> frozen;     // the namespaces of those parts, sorted; no change stands in them
  std::vector<Finding> refused;      // what guards do not let pass; likewise
  std::vector<Finding> warnings;
  Undone undone;

  // What the references above point into.
  HostObjects desired;
  HostObjects observed;
  std::vector<Sysctl> originals;  // values from before ovl that a removal restores

  [[nodiscard]] bool empty() const {
    return record_changes.empty() && object_changes.empty() && former_source.empty();
  }
};

struct PlanCounts {
  std::size_t create = 0, update = 0, replace = 0, remove = 0, adopt = 0, forget = 0;
};

// Of all changes.
PlanCounts count(const Plan& plan);

// The same, apart.
struct PlanParts {
  PlanCounts records;
  PlanCounts objects;  // of this host, as another wish wants them
  PlanCounts drift;    // of this host, where the wish is the one that was applied
};

PlanParts count_parts(const Plan& plan);

}  // namespace ovl
