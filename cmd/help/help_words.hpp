// What help and man pages say of verbs beyond their options: where a verb belongs, what it does in a few
// sentences, and how it is called.
#pragma once

#include <array>
#include <span>
#include <string_view>

namespace ovl {

struct VerbWords {
  std::string_view verb;
  std::string_view group;        // the heading that it stands under; see verb_groups()
  std::string_view description;  // sentences
  std::array<std::string_view, 2> examples;
  std::string_view see_also;  // other verbs, separated by blanks
};

// In the order in which they are shown.
std::span<const std::string_view> verb_groups();

// nullptr for a verb that there is not.
const VerbWords* words_of(std::string_view verb);

// What an option's value is called: "FILE" for --out; "VALUE" for one that nobody has named.
std::string_view value_name(std::string_view option);

// Whether an option is rarely needed, and named in help without a line of its own.
bool is_rare(std::string_view option);

}  // namespace ovl
