// The format that records of the store, facts and status are written in, so that builds of different age can
// work on one cluster. A minor format adds members that a reader may pass over; a major one may mean
// anything. It stands in the member "format", "1.2"; what has no such member has the first one, 1.0.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/base/value.hpp"

namespace ovl {

struct RecordFormat {
  std::uint32_t major = 1;
  std::uint32_t minor = 0;

  // "1.0"
  [[nodiscard]] std::string text() const;
  // Two numbers of at most six digits each, no sign, no zero in front. Errors: corrupt.
  static Result<RecordFormat> parse(std::string_view text);

  auto operator<=>(const RecordFormat&) const = default;
};

// What this build writes. Whoever adds a member to a record raises the minor number, and writes it with those
// records that have the member, so that older builds keep it.
inline constexpr RecordFormat kRecordFormat{.major = 1, .minor = 0};

inline constexpr std::string_view kFormatMember = "format";

// The format of an object. Errors: corrupt (no format), unsupported (a major one that this build can't read).
Result<RecordFormat> format_of(const Value& object);

// Whether it may be a member's name in any format: a small letter, then small letters, digits and "_", at
// most 64 in all. What a stranger calls a member is printed with it.
bool is_member_name(std::string_view name);

// What a newer minor format has in a record beyond the members that this build knows. It decides nothing here
// and is written back as it was read, so that no older build takes from a record what a newer one put there.
struct Newer {
  std::uint32_t minor = 0;  // 0: nothing
  Value::Object members;    // without the format itself

  bool operator==(const Newer&) const = default;
};

// Puts them back into the record that they came with.
void add_newer(Value& object, const Newer& newer);

}  // namespace ovl
