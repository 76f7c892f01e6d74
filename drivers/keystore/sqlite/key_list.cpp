#include "drivers/keystore/sqlite/key_list.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace ovl {

void KeyList::add(std::string_view key) {
  const auto differ = std::ranges::mismatch(key, last_).in1;
  const std::string_view rest(differ, key.end());
  text_ += std::to_string(key.size() - rest.size());
  text_ += '+';
  text_ += std::to_string(rest.size());
  text_ += ':';
  text_ += rest;
  last_ = key;
  ++count_;
}

namespace {

// Takes "17+" or "4:" off.
std::optional<std::size_t> take_number(std::string_view& text, char end) {
  std::size_t number = 0;
  const char* const last = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), last, number);
  if (parsed.ec != std::errc() || parsed.ptr == last || *parsed.ptr != end) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(parsed.ptr - text.data()) + 1);
  return number;
}

}  // namespace

Result<std::vector<std::string>> KeyList::keys_of(std::string_view text) {
  std::vector<std::string> keys;
  std::string key;
  while (!text.empty()) {
    const auto shared = take_number(text, '+');
    const auto rest = take_number(text, ':');
    if (!shared || !rest || *shared > key.size() || *rest > text.size()) {
      return Error{.code = Errc::corrupt, .message = "a list of changed keys is damaged"};
    }
    key.resize(*shared);
    key += text.substr(0, *rest);
    text.remove_prefix(*rest);
    keys.push_back(key);
  }
  return keys;
}

}  // namespace ovl
