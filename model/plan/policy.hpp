// Policy: what a plan may do to a cluster's records, whoever made the plan. Values with their own text; what
// they say of a plan is reconcile/records/policy's.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/plan/plan.hpp"

namespace ovl {

// How many records one apply may remove: a number, or a share of those that are there.
struct DestroyLimit {
  std::size_t value = 0;
  bool percent = false;

  // "12" or "50%". Errors: usage.
  static Result<DestroyLimit> parse(const std::string& text);
  [[nodiscard]] std::string text() const;
  // Whether so many removals are too many, of `all` records.
  [[nodiscard]] bool is_exceeded_by(std::size_t removals, std::size_t all) const;
  bool operator==(const DestroyLimit&) const = default;
};

// "network.front", "host.db1", "endpoint.web-*": a `*` at the end stands for any rest. Lower case.
struct RecordPattern {
  RecordKind kind = RecordKind::network;
  std::string name;
  bool prefix = false;  // of names that begin so

  // Errors: usage.
  static Result<RecordPattern> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  bool operator==(const RecordPattern&) const = default;
};

// "db1", "web-*" or "*.example.org": one `*`, at the beginning or at the end. Lower case.
struct HostPattern {
  std::string name;  // without the `*`
  bool suffix = false;
  bool prefix = false;

  // Errors: usage.
  static Result<HostPattern> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  bool operator==(const HostPattern&) const = default;
};

// What can be done to a record. A change of its name is a rename, whatever else changes.
enum class RecordAction : std::uint8_t { create, update, remove, rename };

template <>
struct EnumNames<RecordAction> {
  static constexpr std::array<std::string_view, 4> names{"create", "update", "remove", "rename"};
};

// "remove network", "create host", "update network.vni": an action, a kind, and for an update one of the
// record's fields.
struct ForbiddenChange {
  RecordAction action = RecordAction::remove;
  RecordKind kind = RecordKind::network;
  std::string field;  // empty: any

  // Errors: usage.
  static Result<ForbiddenChange> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  bool operator==(const ForbiddenChange&) const = default;
};

enum class Weekday : std::uint8_t { mon, tue, wed, thu, fri, sat, sun };

template <>
struct EnumNames<Weekday> {
  static constexpr std::array<std::string_view, 7> names{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
};

// A weekday as TOML has it: "mon". Errors: usage.
struct WeekdayName {
  Weekday day = Weekday::mon;

  static Result<WeekdayName> parse(std::string_view text);
};

// Minutes since midnight, 0 to 1440: "00:00" to "24:00".
struct TimeOfDay {
  int minutes = 0;

  // Errors: usage.
  static Result<TimeOfDay> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  auto operator<=>(const TimeOfDay&) const = default;
};

// When records may change, in UTC. One whose end is not after its beginning goes over midnight; its days are
// those on which it begins.
struct PolicyWindow {
  std::array<bool, 7> days{true, true, true, true, true, true, true};  // by Weekday
  TimeOfDay from;
  TimeOfDay to;  // the first minute that is not in it

  // now: seconds since the epoch, not negative.
  [[nodiscard]] bool is_open(std::int64_t now) const;
  [[nodiscard]] std::string text() const;
  bool operator==(const PolicyWindow&) const = default;
};

struct VniRange {
  Vni min = Vni::unchecked(1);
  Vni max = Vni::unchecked(16'777'215);

  bool operator==(const VniRange&) const = default;
};

// Each rule that is left out allows everything.
struct Policy {
  std::string origin;  // whose it is, for people: "the manifest's [policy]", "/etc/ovl/policy.toml"
  std::optional<DestroyLimit> max_destroy;
  std::vector<RecordPattern> protect;  // neither removed nor renamed
  std::vector<IpPrefix> subnets;       // each network's is inside one of them
  std::vector<HostPattern> hosts;      // each host's name is one of them
  std::optional<VniRange> vni;         // each network's is in it
  std::vector<ForbiddenChange> forbid;
  std::vector<PolicyWindow> windows;  // records change only while one of them is open
  bool require_signed = false;        // records change only from a commit that somebody trusted signed
  // The host's alone: paths of the lists that say who is trusted; see Signers in drivers/signature.
  std::string signers;
  std::string keyring;

  bool operator==(const Policy&) const = default;
};

}  // namespace ovl
