// "did you mean": the known word nearest to an unknown one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
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

// The same for word after word among names that a manifest holds any number of. What it compares is bounded
// as a whole: after that the unknown words have no suggestion.
class Suggester {
 public:
  explicit Suggester(std::vector<std::string> known) : known_(std::move(known)) {}

  template <class Block>
  explicit Suggester(const std::vector<Block>& blocks) {
    known_.reserve(blocks.size());
    for (const Block& block : blocks) known_.push_back(block.name.text());
  }

  std::string suggest(std::string_view word, std::string otherwise);

 private:
  std::vector<std::string> known_;
  std::size_t compared_ = 0;
};

}  // namespace ovl
