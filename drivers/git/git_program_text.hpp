// What the git program prints, taken apart.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "drivers/git/repository.hpp"

namespace ovl {

// What stands between the `end`s, the last one without.
std::vector<std::string_view> parts_of(std::string_view text, char end);

// The number that a text begins with; 0: it begins with none.
template <class Number>
Number number_in(std::string_view text, int base = 10) {
  Number number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number, base);
  return number;
}

// "Name <mail> 1700000000 +0100" of a commit's header.
struct Stamp {
  std::string who;
  std::int64_t when = 0;
};

Stamp stamp_in(std::string_view text);

// A commit object: its headers, with the lines that go on one, and what was written about it.
struct CommitText {
  std::vector<std::pair<std::string, std::string>> headers;  // name, value with its line breaks
  std::string message;

  [[nodiscard]] std::string header(std::string_view name) const {
    const auto found =
        std::ranges::find_if(headers, [&](const auto& header) { return header.first == name; });
    return found != headers.end() ? found->second : std::string();
  }
};

CommitText commit_in(std::string_view text);

// The first paragraph of a commit's message, on one line.
std::string subject_of(std::string_view message);

// A commit's signature under the header `own`, and what it is over: all of the commit but the signatures'
// headers (commit.c, parse_signed_commit).
CommitSignature signature_in(std::string_view text, std::string_view own);

// Of `git blame -p`: for each line of the file a line with the commit, what is new about that one, and the
// text.
std::vector<LineOrigin> origins_in(std::string_view text);

}  // namespace ovl
