// What the records of a cluster are to be: the one thing in which commands differ that change them.
#pragma once

#include <variant>

#include "model/manifest/manifest.hpp"
#include "model/records/records.hpp"

namespace ovl {

// As they stand: for whoever follows them, or only looks.
struct AsTheyAre {};

// As a manifest says.
struct Declared {
  const Manifest* manifest = nullptr;  // never null
};

// As those of a generation were; see past_records.hpp.
struct Again {
  const Records* records = nullptr;  // never null
};

// As they stand, under the names that Task::moves gives them.
struct Renamed {};

// None: the cluster is taken apart.
struct Nothing {};

using Want = std::variant<AsTheyAre, Declared, Again, Renamed, Nothing>;

// Whether it says of every record what becomes of it, whatever the store holds.
inline bool is_whole(const Want& want) {
  return std::holds_alternative<Declared>(want) || std::holds_alternative<Nothing>(want);
}

// Whether it says which records there shall be, as somebody wrote them down.
inline bool says_what_there_is(const Want& want) {
  return std::holds_alternative<Declared>(want) || std::holds_alternative<Again>(want);
}

}  // namespace ovl
