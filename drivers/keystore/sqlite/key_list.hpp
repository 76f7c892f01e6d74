// How the embedded keystore writes down which keys a revision changed. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/base/result.hpp"

namespace ovl {

// The keys that one revision changed, as they are stored. Of each only what differs from the one before:
// "0+5:a/bcd4+1:e" is "a/bcd" and "a/bce".
class KeyList {
 public:
  void add(std::string_view key);

  [[nodiscard]] const std::string& text() const { return text_; }

  [[nodiscard]] std::int64_t count() const { return count_; }

  // Error: corrupt.
  static Result<std::vector<std::string>> keys_of(std::string_view text);

 private:
  std::string text_;
  std::string last_;
  std::int64_t count_ = 0;
};

}  // namespace ovl
