// What a host can and does that builds before it did not, said in the version of its facts: "1.2.0+full-ttl".
// A build that knows no such words takes any version, and puts its own in its place, so that a host that goes
// back says them no longer.
#pragma once

#include <array>
#include <initializer_list>
#include <string>
#include <string_view>

#include "model/fields.hpp"

namespace ovl {

// full_ttl: all that its tunnels send has the highest TTL. new_words: it reads records with every word of
// uses_new_words().
enum class Ability : std::uint8_t { full_ttl, new_words };

template <>
struct EnumNames<Ability> {
  static constexpr std::array<std::string_view, 2> names{"full-ttl", "new-words"};
};

// The version alone with these abilities behind it: metadata of a build (semver.org, item 10).
std::string version_saying(std::string_view version, std::initializer_list<Ability> abilities);

// Whether a version says so.
bool says(std::string_view version, Ability ability);

}  // namespace ovl
