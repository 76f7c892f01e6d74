// What a host can and does that builds before it did not, said in the version of its facts: "1.2.0+full-ttl".
// A build that knows no such words takes any version, and puts its own in its place, so that a host that goes
// back says them no longer.
#pragma once

#include <array>
#include <initializer_list>
#include <string>
#include <string_view>

#include "model/base/fields.hpp"

namespace ovl {

// full_ttl: all that its tunnels send has the highest TTL. The others are what it reads in records, and
// builds before it refuse (reconcile/records/older_builds.cpp).
enum class Ability : std::uint8_t { full_ttl, new_words, shared_aliases };

template <>
struct EnumNames<Ability> {
  static constexpr std::array<std::string_view, 3> names{"full-ttl", "new-words", "shared-aliases"};
};

// The version alone with these abilities behind it: metadata of a build (semver.org, item 10).
std::string version_saying(std::string_view version, std::initializer_list<Ability> abilities);

// Whether a version says so.
bool says(std::string_view version, Ability ability);

}  // namespace ovl
