#include "reconcile/words/suggest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace ovl {

namespace {

constexpr std::size_t kLongest = 64;
// Pairs of words that one Suggester compares at most: some tenths of a second.
constexpr std::size_t kMostCompared = 200'000;

bool differ_in_length_by(std::string_view a, std::string_view b, std::size_t count) {
  return std::max(a.size(), b.size()) - std::min(a.size(), b.size()) >= count;
}

std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

}  // namespace

// Optimal string alignment: three rows of the dynamic programming table are enough.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known) {
  if (word.size() > kLongest) return std::nullopt;
  const std::string wanted = lowered(word);
  const std::string* best = nullptr;
  // Two letters are near everything.
  std::size_t best_distance = word.size() < 3 ? 1 : std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : known) {
    if (candidate.size() > kLongest) continue;
    const std::string name = lowered(candidate);
    // "alias" for "aliases": its ending is left out.
    const bool begun = wanted.size() >= 3 && name.starts_with(wanted);
    if (!begun && differ_in_length_by(wanted, name, best_distance)) continue;
    const std::size_t distance = begun && wanted != name ? 1 : edit_distance(wanted, name);
    if (distance >= best_distance) continue;
    best = &candidate;
    best_distance = distance;
  }
  return best != nullptr ? std::optional<std::string>(*best) : std::nullopt;
}

std::string suggestion(std::string_view word, const std::vector<std::string>& known, std::string otherwise) {
  const auto near = nearest(word, known);
  return near ? fmt::format("did you mean \"{}\"?", *near) : std::move(otherwise);
}

std::string Suggester::suggest(std::string_view word, std::string otherwise) {
  compared_ += known_.size();
  return compared_ > kMostCompared ? std::move(otherwise) : suggestion(word, known_, std::move(otherwise));
}

}  // namespace ovl
