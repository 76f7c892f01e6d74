#include "reconcile/toml/mask_secrets.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "reconcile/toml/toml_guard.hpp"

namespace ovl {

namespace {

bool starts_header(std::string_view line) {
  const auto first = line.find_first_not_of(" \t");
  return first != std::string_view::npos && line[first] == '[';
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
  for (std::size_t at = line.find("://"); at != std::string::npos;) {
    const std::size_t begin = at + 3;
    const std::size_t stop = std::min(line.find_first_of(" \t\"'", begin), line.size());
    const std::size_t sign = std::string_view(line).substr(begin, stop - begin).rfind('@');
    if (sign != std::string::npos) mask(line, begin, begin + sign);
    at = line.find("://", stop);
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

// Where the text of a string begins and ends, between its quotes.
std::pair<std::size_t, std::size_t> within_quotes(std::string_view line, std::size_t at, std::size_t end) {
  const std::string_view whole = line.substr(at, end - at);
  const std::size_t first = whole.find_first_not_of("\"'");
  if (first == std::string_view::npos) return {end, end};
  return {at + first, at + whole.find_last_not_of("\"'") + 1};
}

bool is_key(std::string_view line, std::size_t end) {
  const std::size_t next = line.find_first_not_of(" \t", end);
  return next != std::string_view::npos && line[next] == '=';
}

std::string masked(std::string_view line, bool in_keystore) {
  std::string out(line);
  if (out.ends_with('\r')) out.pop_back();
  mask_bare_value(out);
  for (std::size_t at = 0; (at = out.find_first_of("\"'", at)) != std::string::npos;) {
    const std::size_t end = skip_string(out, at);
    const auto [first, last] = within_quotes(out, at, end);
    const bool secret = in_keystore || names_secret(std::string_view(out).substr(0, at));
    if (secret && !is_key(out, end) && !is_public(std::string_view(out).substr(first, end - first))) {
      mask(out, first, last);
    }
    at = end;
  }
  mask_user_information(out);
  return out;
}

}  // namespace

MaskedLines::MaskedLines(std::string_view text) {
  bool in_keystore = false;
  while (true) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view current = text.substr(0, end);
    if (starts_header(current)) in_keystore = current.find("keystore") != std::string_view::npos;
    lines_.push_back({.text = current, .in_keystore = in_keystore});
    if (end == text.size()) return;
    text.remove_prefix(end + 1);
  }
}

const std::string& MaskedLines::at(std::uint32_t line) {
  const auto [at, is_new] = masked_.try_emplace(line);
  const bool exists = line > 0 && line <= lines_.size();
  if (is_new && exists) at->second = masked(lines_[line - 1].text, lines_[line - 1].in_keystore);
  return at->second;
}

}  // namespace ovl
