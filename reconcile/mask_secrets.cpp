#include "reconcile/mask_secrets.hpp"

#include <algorithm>
#include <array>

#include "reconcile/toml_guard.hpp"

namespace ovl {

namespace {

bool starts_header(std::string_view line) {
  const auto first = line.find_first_not_of(" \t");
  return first != std::string_view::npos && line[first] == '[';
}

std::string_view line_of(std::string_view text, std::uint32_t line, bool& in_keystore) {
  in_keystore = false;
  for (std::uint32_t number = 1;; ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view current = text.substr(0, end);
    if (starts_header(current)) in_keystore = current.find("keystore") != std::string_view::npos;
    if (number == line) return current;
    if (end == text.size()) return {};
    text.remove_prefix(end + 1);
  }
}

bool is_public(std::string_view value) {
  return value.starts_with("env:") || value.starts_with("file:") ||
         value.find("://") != std::string_view::npos;
}

// A key stands right before its value; a long line is not searched again for each of its strings.
constexpr std::size_t kLookBack = 200;

bool names_secret(std::string_view before_value) {
  before_value.remove_prefix(before_value.size() - std::min(before_value.size(), kLookBack));
  constexpr std::array<std::string_view, 3> secret_keys{"token", "user", "password"};
  const auto equals = before_value.find_last_of('=');
  if (equals == std::string_view::npos) return false;
  std::string_view key = before_value.substr(0, equals);
  const auto begin = key.find_last_of(",{");
  if (begin != std::string_view::npos) key.remove_prefix(begin + 1);
  return std::ranges::any_of(secret_keys,
                             [&](std::string_view word) { return key.find(word) != std::string_view::npos; });
}

void mask(std::string& line, std::size_t begin, std::size_t end) {
  std::fill(line.begin() + static_cast<std::ptrdiff_t>(begin),
            line.begin() + static_cast<std::ptrdiff_t>(end), '*');
}

// scheme://user:password@host -> scheme://*************@host
void mask_user_information(std::string& line) {
  for (std::size_t at = line.find("://"); at != std::string::npos; at = line.find("://", at + 3)) {
    const std::size_t stop = std::min(line.find_first_of(" \t\"'", at + 3), line.size());
    const std::size_t sign = line.rfind('@', stop);
    if (sign != std::string::npos && sign > at + 3 && sign < stop) mask(line, at + 3, sign);
  }
}

// A value that is no string is masked too: `token = s3cret` lacks its quotes.
void mask_bare_value(std::string& line) {
  const std::size_t equals = line.find('=');
  if (equals == std::string::npos || !names_secret(line.substr(0, equals + 1))) return;
  const std::size_t begin = line.find_first_not_of(" \t", equals + 1);
  if (begin == std::string::npos || line[begin] == '"' || line[begin] == '\'' ||
      is_public(line.substr(begin)))
    return;
  mask(line, begin, line.size());
}

}  // namespace

std::string masked_line(std::string_view text, std::uint32_t line) {
  bool in_keystore = false;
  std::string out(line_of(text, line, in_keystore));
  if (out.ends_with('\r')) out.pop_back();
  mask_bare_value(out);
  for (std::size_t at = 0; (at = out.find_first_of("\"'", at)) != std::string::npos;) {
    const std::size_t end = skip_string(out, at);
    const std::size_t begin = std::min(out.find_first_not_of("\"'", at), end);
    const std::string_view value = std::string_view(out).substr(begin, end - begin);
    const bool is_key = out.find_first_not_of(" \t", end) != std::string::npos &&
                        out[out.find_first_not_of(" \t", end)] == '=';
    const bool secret = in_keystore || names_secret(std::string_view(out).substr(0, at));
    if (secret && !is_key && !is_public(value)) {
      const std::size_t last = out.find_last_not_of("\"'", end - 1);
      if (last != std::string::npos && last >= begin) mask(out, begin, last + 1);
    }
    at = end;
  }
  mask_user_information(out);
  return out;
}

}  // namespace ovl
