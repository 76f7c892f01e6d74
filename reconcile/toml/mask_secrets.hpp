// What a line of a manifest may show. A secret that stands in the manifest by mistake must not get
// into a terminal's or a CI job's log by way of the error about it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ovl {

// The lines of a text. Precondition: the text outlives it.
class MaskedLines {
 public:
  explicit MaskedLines(std::string_view text);

  // Line `line` (from 1), of the same length, with '*' in place of what may be a secret: every string below
  // [keystore] that is no reference, no file and no URL, the value of every key called token, user or
  // password, and the user information of every URL. Empty: there is no such line.
  const std::string& at(std::uint32_t line);

 private:
  struct Line {
    std::string_view text;
    bool in_keystore = false;
  };

  std::vector<Line> lines_;
  std::map<std::uint32_t, std::string> masked_;  // those that were asked for
};

}  // namespace ovl
