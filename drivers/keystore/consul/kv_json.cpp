#include "drivers/keystore/consul/kv_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "model/base/utf8.hpp"
#include "model/base/value.hpp"

namespace ovl {

namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> digit_values() {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kDigits.size(); ++i) {
    values[static_cast<unsigned char>(kDigits[i])] = static_cast<std::int8_t>(i);
  }
  return values;
}

constexpr std::array<std::int8_t, 256> kDigitValues = digit_values();

std::uint32_t octet(char c) {
  return static_cast<unsigned char>(c);
}

Error corrupt(std::string message) {
  return Error{.code = Errc::corrupt,
               .message = std::move(message),
               .hint = "check that the address is a Consul agent's"};
}

// Reads flat objects. Why not a general parser: it looks at each byte of the values several
// times, and takes seconds for 100,000 of them; here a string ends where memchr() finds its quote.
class EntryReader {
 public:
  explicit EntryReader(std::string_view text) : text_(text) {}

  // One of them.
  Result<KvEntry> read_one() {
    KvEntry entry;
    OVL_CHECK(read_entry(entry));
    return skip_blanks() == '\0' && at_ == text_.size() ? Result(std::move(entry)) : broken();
  }

  // {"Results":[{"KV":{...}},...],"Errors":null}
  Result<std::vector<KvEntry>> read_results() {
    std::vector<KvEntry> entries;
    if (!take('{') || !take_name("Results") || !take('[')) return broken();
    while (!take(']')) {
      if (!entries.empty() && !take(',')) return broken();
      entries.emplace_back();
      if (!take('{') || !take_name("KV")) return broken();
      OVL_CHECK(read_entry(entries.back()));
      if (!take('}')) return broken();
    }
    const bool has_no_errors = take(',') && take_name("Errors") && take_word("null") && take('}');
    return has_no_errors ? Result(std::move(entries)) : broken();
  }

 private:
  bool take_name(std::string_view wanted) {
    const auto name = read_plain_string();
    return name.ok() && name.value() == wanted && take(':');
  }

  bool take_word(std::string_view wanted) {
    (void)skip_blanks();
    if (!text_.substr(at_).starts_with(wanted)) return false;
    at_ += wanted.size();
    return true;
  }

  [[nodiscard]] Error broken() const {
    return corrupt(fmt::format("an answer is no list of keys, at byte {}", at_));
  }

  char skip_blanks() {
    const auto is_blank = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  bool take(char wanted) {
    if (skip_blanks() != wanted) return false;
    ++at_;
    return true;
  }

  Status read_entry(KvEntry& entry) {
    if (!take('{')) return broken();
    for (bool first = true; !take('}'); first = false) {
      if (!first && !take(',')) return broken();
      OVL_TRY(const std::string_view name, read_plain_string());
      if (!take(':')) return broken();
      OVL_CHECK(skip_blanks() == '"' ? read_text_member(name, entry) : read_number_member(name, entry));
    }
    return {};
  }

  Status read_text_member(std::string_view name, KvEntry& entry) {
    if (name == "Value") {
      OVL_TRY(const std::string_view value, read_plain_string());
      OVL_TRY(entry.item.value, from_base64(value));
      return {};
    }
    OVL_TRY(std::string text, read_string());
    if (name == "Key") {
      entry.item.key = std::move(text);
    } else if (name == "Session") {
      entry.session = std::move(text);
    }
    return {};
  }

  // A number, or one of null, true and false.
  Status read_number_member(std::string_view name, KvEntry& entry) {
    const std::size_t end = std::min(text_.find_first_of(",}\n", at_), text_.size());
    const std::string_view word = text_.substr(at_, end - at_);
    if (word.empty() || word.find_first_of("[{\"") != std::string_view::npos) return broken();
    std::uint64_t number = 0;
    (void)std::from_chars(word.data(), word.data() + word.size(), number);
    if (name == "CreateIndex") entry.item.created = number;
    if (name == "ModifyIndex") entry.item.modified = number;
    if (name == "Flags") entry.flags = number;
    at_ = end;
    return {};
  }

  // A string without escapes, which it would not need.
  Result<std::string_view> read_plain_string() {
    if (!take('"')) return broken();
    const std::size_t end = text_.find('"', at_);
    if (end == std::string_view::npos) return broken();
    const std::string_view text = text_.substr(at_, end - at_);
    at_ = end + 1;
    return text;
  }

  Result<std::string> read_string() {
    if (!take('"')) return broken();
    const std::size_t start = at_ - 1;
    bool escapes = false;
    for (at_ = text_.find_first_of("\"\\", at_); at_ < text_.size() && text_[at_] == '\\';
         at_ = text_.find_first_of("\"\\", at_ + 2)) {
      escapes = true;
    }
    if (at_ >= text_.size()) return broken();
    const std::string_view quoted = text_.substr(start, ++at_ - start);
    if (!escapes) return std::string(quoted.substr(1, quoted.size() - 2));
    OVL_TRY(const Value value, Value::parse_json(quoted));
    return value.as_string() == nullptr ? Result<std::string>(broken()) : Result(*value.as_string());
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
         c == '.' || c == '~' || c == '/';
}

}  // namespace

// ---- EntryStream -----------------------------------------------------------------------------

// A text that is no value is no longer than a key, of which each byte may be an escape of six.
constexpr std::size_t kMostText = 6 * (kMostKeyBytes + 4096);
// What is kept of one that is.
constexpr std::size_t kKeptText = 200;

EntryStream::EntryStream(std::size_t most_value, Take take)
    : most_text_((most_value + 2) / 3 * 4), take_(std::move(take)) {}

Error EntryStream::broken() const {
  return corrupt(fmt::format("an answer is no list of keys, at byte {}", seen_));
}

Status EntryStream::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    std::size_t used = 1;
    if (state_ == State::in_string) {
      used = feed_string(bytes);
    } else if (state_ == State::in_entry) {
      used = feed_entry(bytes);
      if (state_ == State::after_entry) OVL_CHECK(end_entry());
    } else {
      OVL_CHECK(feed_outside(bytes.front()));
    }
    bytes.remove_prefix(used);
    seen_ += used;
  }
  return {};
}

Status EntryStream::finish() const {
  return state_ == State::end ? Status() : broken();
}

Status EntryStream::feed_outside(char c) {
  if (c == ' ' || c == '\n' || c == '\r' || c == '\t') return {};
  const bool may_begin = state_ == State::before_entry;
  const bool opens = state_ == State::start && c == '[';
  const bool goes_on = state_ == State::after_entry && c == ',';
  if (opens || goes_on) {
    state_ = State::before_entry;
  } else if (may_begin && c == '{') {
    state_ = State::in_entry;
    entry_ = "{";
    first_ = false;
  } else if (c == ']' && (state_ == State::after_entry || (may_begin && first_))) {
    state_ = State::end;
  } else {
    return broken();
  }
  return {};
}

// Up to the next string, or the end of the entry. What is between strings is numbers and words.
std::size_t EntryStream::feed_entry(std::string_view bytes) {
  const std::size_t at = std::min(bytes.find_first_of("\"}"), bytes.size() - 1);
  const std::string_view part = bytes.substr(0, at + 1);
  if (entry_.size() < most_text_ + 4 * kMostText) entry_ += part;
  if (part.back() == '}') state_ = State::after_entry;
  if (part.back() == '"') begin_string();
  return part.size();
}

void EntryStream::begin_string() {
  const auto colon = entry_.find_last_not_of(" \n\r\t\"");
  is_value_ =
      colon != std::string::npos && std::string_view(entry_).substr(0, colon + 1).ends_with("\"Value\":");
  string_at_ = entry_.size();
  string_size_ = 0;
  padding_ = 0;
  escaped_ = false;
  state_ = State::in_string;
}

std::size_t EntryStream::feed_string(std::string_view bytes) {
  if (escaped_) {
    escaped_ = false;
    keep(bytes.substr(0, 1));
    return 1;
  }
  const std::size_t at = std::min(bytes.find_first_of("\"\\"), bytes.size());
  keep(bytes.substr(0, at));
  if (at == bytes.size()) return at;
  if (bytes[at] == '"') {
    end_string();
  } else {
    escaped_ = true;
    keep("\\");
  }
  return at + 1;
}

void EntryStream::keep(std::string_view bytes) {
  string_size_ += bytes.size();
  if (is_value_) padding_ += static_cast<std::size_t>(std::ranges::count(bytes, '='));
  if (string_size_ <= (is_value_ ? most_text_ : kMostText)) {
    entry_ += bytes;
  } else {
    entry_.resize(std::min(entry_.size(), string_at_ + (is_value_ ? 0 : kKeptText)));
  }
}

// Of a text that was cut nothing may be left of an escape.
void EntryStream::end_string() {
  const bool is_whole = string_size_ <= (is_value_ ? most_text_ : kMostText);
  if (!is_whole && is_value_) left_out_ = string_size_ / 4 * 3 - std::min<std::size_t>(padding_, 2);
  if (!is_whole && !is_value_) {
    cut_ = true;
    entry_.resize(std::min(entry_.find('\\', string_at_), entry_.size()));
  }
  entry_ += '"';
  state_ = State::in_entry;
}

Status EntryStream::end_entry() {
  OVL_TRY(KvEntry entry, EntryReader(entry_).read_one());
  entry.item.left_out = std::exchange(left_out_, 0);
  entry.cut = std::exchange(cut_, false);
  entry_.clear();
  return take_(std::move(entry));
}

Result<std::vector<KvEntry>> parse_results(std::string_view json) {
  return EntryReader(json).read_results();
}

std::string to_base64(std::string_view bytes) {
  std::string out;
  append_base64(out, bytes);
  return out;
}

void append_base64(std::string& out, std::string_view bytes) {
  std::size_t to = out.size();
  out.resize(to + (bytes.size() + 2) / 3 * 4, '=');
  for (; bytes.size() >= 3; bytes.remove_prefix(3), to += 4) {
    const std::uint32_t group = octet(bytes[0]) << 16U | octet(bytes[1]) << 8U | octet(bytes[2]);
    out[to] = kDigits[group >> 18U];
    out[to + 1] = kDigits[group >> 12U & 63U];
    out[to + 2] = kDigits[group >> 6U & 63U];
    out[to + 3] = kDigits[group & 63U];
  }
  if (bytes.empty()) return;
  const std::uint32_t rest = octet(bytes[0]) << 8U | (bytes.size() > 1 ? octet(bytes[1]) : 0U);
  out[to] = kDigits[rest >> 10U];
  out[to + 1] = kDigits[rest >> 4U & 63U];
  if (bytes.size() > 1) out[to + 2] = kDigits[rest << 2U & 63U];
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    if (octet(c) < 0x20U) {
      out += fmt::format("\\u{:04x}", octet(c));
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

Result<std::string> from_base64(std::string_view text) {
  const bool whole = text.size() % 4 == 0;
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  if (!whole) return corrupt("a value is no base64");
  std::string out(text.size() * 3 / 4, '\0');
  char* to = out.data();
  for (; text.size() >= 4; text.remove_prefix(4), to += 3) {
    const auto value = [&](std::size_t at) { return std::int32_t{kDigitValues[octet(text[at])]}; };
    // A byte that is no digit is -1, and makes the whole negative.
    const std::int32_t four = value(0) * (1 << 18) | value(1) * (1 << 12) | value(2) * (1 << 6) | value(3);
    if (four < 0) return corrupt("a value is no base64");
    to[0] = static_cast<char>(four >> 16);
    to[1] = static_cast<char>(four >> 8 & 0xff);
    to[2] = static_cast<char>(four & 0xff);
  }
  std::uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    const std::int8_t digit = kDigitValues[static_cast<unsigned char>(c)];
    if (digit < 0) return corrupt("a value is no base64");
    group = group << 6 | static_cast<std::uint32_t>(digit);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    *to++ = static_cast<char>(group >> bits & 0xffU);
  }
  return out;
}

std::string escape_path(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (is_plain(c)) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

Status check_key(std::string_view key) {
  const std::string path = fmt::format("/{}/", key.ends_with('/') ? key.substr(0, key.size() - 1) : key);
  const bool moves =
      !key.empty() && (path.find("//") != std::string::npos || path.find("/./") != std::string::npos ||
                       path.find("/../") != std::string::npos);
  if (is_utf8(key) && !moves) return {};
  return Error{.code = Errc::usage,
               .message = fmt::format("Consul can't address the key \"{}\"", escape_path(key)),
               .hint = "keys are UTF-8, without empty segments and \"..\""};
}

}  // namespace ovl
