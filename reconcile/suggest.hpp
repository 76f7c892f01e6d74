// "did you mean": the known word nearest to an unknown one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ovl {

// Edits (insert, delete, replace, swap of neighbours) that turn one word into the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The known word nearest to `word`, compared without case; nullopt when none is near: more than a
// third of the letters differ, or the word has under 3 letters or over 64 bytes. A word that begins
// another is near it. Of equally near ones the first.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known);

// `did you mean "subnet"?`, or `otherwise` when nothing is near.
std::string suggestion(std::string_view word, const std::vector<std::string>& known, std::string otherwise);

}  // namespace ovl
