// Where the two sides of a change differ, element by element: what a set, a chain, a file or a list has more
// or less. Text is made here, for what is shown only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "model/plan/plan.hpp"

namespace ovl {

// How many elements become text. `fewer` of them where there are more than `above`.
struct ElementLimit {
  std::size_t above = 0;
  std::size_t fewer = 0;
};

inline constexpr ElementLimit kEveryElement{SIZE_MAX, SIZE_MAX};
inline constexpr ElementLimit kElementsOfALine{20, 10};
inline constexpr ElementLimit kElementsAsLines{50, 10};

struct Elements {
  std::vector<std::string> texts = {};  // of the first ones; not made safe for a terminal
  std::size_t all = 0;                  // how many there are
};

// One place. Either what it was and what it will be, or what only one side has, or both.
struct Difference {
  std::string field;        // of the kind's table: "mtu", "sets"
  std::string part = {};    // the set or chain of that field; empty: the field itself
  std::string before = {};  // in words; the same as `after` where only elements differ
  std::string after = {};
  Elements removed = {};
  Elements added = {};
  Elements changed = {};  // what both sides have under that name, and not the same

  // Whether its elements are lines of a file.
  [[nodiscard]] bool is_lines() const { return field == "lines"; }

  // Whether it has any elements.
  [[nodiscard]] bool has_elements() const { return removed.all + added.all + changed.all > 0; }
};

// Where an object's sides differ, in the order of the kind's table; of a table of nftables that is made or
// removed, all that is in it. With `every` no element is left out.
std::vector<Difference> differences_of(const ObjectChange& change, bool every);

// Of a record's field.
Difference difference_of(const FieldDelta& field, bool every);

// "vteps4: -192.0.2.1 +192.0.2.2", "mtu: 1400 -> 1450"; of lines how many there are. Safe to show.
std::string text_of(const Difference& difference);

// The right side of it alone.
std::string words_of(const Difference& difference);

// "+ 10.40.1.50 cache": a difference's lines, each with its sign, and how many are not shown. Safe to show.
std::vector<std::string> lines_of(const Difference& difference);

// The fields that differ, as values; of a set, "sets.vteps4", the elements that only one side has.
std::vector<FieldDelta> fields_by_element(const ObjectChange& change);

// [{"field": "sets", "part": "vteps4", "removed": [...], "added": [...]}, ...]; null when no elements differ.
Value elements_json(const ObjectChange& change);

}  // namespace ovl
