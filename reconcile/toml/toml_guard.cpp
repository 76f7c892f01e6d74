#include "reconcile/toml/toml_guard.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "reconcile/toml/reporter.hpp"
#include "reconcile/words/utf8.hpp"

namespace ovl {

namespace {

bool is_quote(char c) {
  return c == '"' || c == '\'';
}

bool has_three(std::string_view text, std::size_t at, char quote) {
  return text.size() - at >= 3 && text[at] == quote && text[at + 1] == quote && text[at + 2] == quote;
}

std::size_t skip_long_string(std::string_view text, std::size_t at, char quote) {
  at += 3;
  while (at < text.size() && !has_three(text, at, quote)) at += quote == '"' && text[at] == '\\' ? 2 : 1;
  if (at >= text.size()) return text.size();
  at += 3;
  // TOML 1.0: up to two quotes may stand inside, right before the closing three.
  for (int extra = 0; extra < 2 && at < text.size() && text[at] == quote; ++extra) ++at;
  return at;
}

std::size_t skip_short_string(std::string_view text, std::size_t at, char quote) {
  for (++at; at < text.size() && text[at] != '\n'; ++at) {
    if (text[at] == quote) return at + 1;
    if (quote == '"' && text[at] == '\\' && at + 1 < text.size() && text[at + 1] != '\n') ++at;
  }
  return at;
}

// Valid UTF-8 without the control characters that TOML forbids everywhere.
class CharacterCheck {
 public:
  CharacterCheck(std::string_view text, std::uint32_t file, Reporter& report)
      : text_(text), places_(text, file), report_(report) {}

  // False when a character is not fit; only the first is reported.
  bool run() {
    for (std::size_t at = 0; at < text_.size();) {
      const CodePoint point = first_code_point(text_.substr(at));
      if (!point.valid) return refuse_bytes(at);
      const bool allowed = point.value >= 0x20 || point.value == '\t' || point.value == '\n' || is_crlf(at);
      if (!allowed || point.value == 0x7f) return refuse_control(at, point.value);
      at += point.size;
    }
    return true;
  }

 private:
  [[nodiscard]] bool is_crlf(std::size_t at) const {
    return text_[at] == '\r' && at + 1 < text_.size() && text_[at + 1] == '\n';
  }

  bool refuse_bytes(std::size_t at) {
    const bool utf16 = text_.size() > 1 && (text_.starts_with("\xff\xfe") || text_.starts_with("\xfe\xff"));
    report_.error(
        "not-utf8", places_.at(at),
        utf16 ? "the file is UTF-16, not UTF-8"
              : fmt::format("the byte 0x{:02x} is not UTF-8 here", static_cast<unsigned char>(text_[at])),
        "save the file as UTF-8");
    return false;
  }

  bool refuse_control(std::size_t at, char32_t value) {
    const bool bare_return = value == '\r';
    report_.error(
        "control-character", places_.at(at),
        fmt::format("the control character U+{:04X} is not allowed", static_cast<std::uint32_t>(value)),
        bare_return ? "end lines with LF or CR LF" : "write it as an escape in a string, or remove it");
    return false;
  }

  std::string_view text_;
  PlaceCounter places_;
  Reporter& report_;
};

// Depth of keys and brackets, and letters beyond ASCII, outside of strings and comments.
class DepthCheck {
 public:
  DepthCheck(std::string_view text, std::uint32_t file, Reporter& report)
      : text_(text), places_(text, file), report_(report) {}

  void run() {
    for (std::size_t at = 0; at < text_.size();) {
      const char c = text_[at];
      if (is_quote(c)) {
        at = has_three(text_, at, c) ? skip_long_string(text_, at, c) : skip_short_string(text_, at, c);
        blank_line_ = false;
      } else if (c == '#') {
        at = std::min(text_.find('\n', at), text_.size());
      } else {
        if (!take(at, c)) return;
        ++at;
      }
    }
  }

 private:
  // False when the text is refused at this place.
  bool take(std::size_t at, char c) {
    if (static_cast<unsigned char>(c) >= 0x80) return refuse_letter(at);
    if (c == '\n') return end_line();
    if (c == '[' || c == '{') return open(at);
    if (c == ']' || c == '}') depth_ -= depth_ > 0 ? 1 : 0;
    if (c == '.') return count_segment(at);
    const bool between_segments = c != '=' && c != ',' && c != ']' && c != '}';
    if (!between_segments) segments_ = 1;
    if (c != ' ' && c != '\t' && c != '\r') blank_line_ = false;
    return true;
  }

  bool end_line() {
    // A header that lacks its bracket is the library's to report; it must not add to the depth.
    if (in_header_) depth_ = 0;
    in_header_ = false;
    blank_line_ = true;
    segments_ = 1;
    return true;
  }

  bool open(std::size_t at) {
    if (blank_line_ && depth_ == 0) in_header_ = true;
    blank_line_ = false;
    segments_ = 1;
    if (++depth_ <= kMaxBrackets) return true;
    report_.error("too-deep", places_.at(at),
                  fmt::format("more than {} brackets are open here", kMaxBrackets),
                  "a manifest needs no more than 4");
    return false;
  }

  bool count_segment(std::size_t at) {
    blank_line_ = false;
    if (++segments_ <= kMaxKeySegments) return true;
    report_.error("too-deep", places_.at(at),
                  fmt::format("the key has more than {} segments", kMaxKeySegments),
                  "a manifest needs no more than 6");
    return false;
  }

  bool refuse_letter(std::size_t at) {
    const CodePoint point = first_code_point(text_.substr(at));
    report_.error("syntax", places_.at(at, point.size),
                  fmt::format("U+{:04X} stands outside of a string", static_cast<std::uint32_t>(point.value)),
                  "put the name or value that it belongs to in quotes, or remove it");
    return false;
  }

  std::string_view text_;
  PlaceCounter places_;
  Reporter& report_;
  std::size_t depth_ = 0;
  std::size_t segments_ = 1;
  bool blank_line_ = true;
  bool in_header_ = false;
};

}  // namespace

std::string_view without_mark(std::string_view text) {
  return text.starts_with("\xef\xbb\xbf") ? text.substr(3) : text;
}

std::size_t skip_string(std::string_view text, std::size_t at) {
  const char quote = text[at];
  return has_three(text, at, quote) ? skip_long_string(text, at, quote) : skip_short_string(text, at, quote);
}

Place PlaceCounter::at(std::size_t offset, std::size_t length) {
  for (; offset_ < offset; ++offset_) {
    if (text_[offset_] != '\n') continue;
    ++line_;
    line_start_ = offset_ + 1;
  }
  return Place{.file = file_,
               .line = line_,
               .column = static_cast<std::uint32_t>(offset - line_start_ + 1),
               .length = static_cast<std::uint32_t>(length)};
}

Diagnostics guard_toml(std::string_view text, std::uint32_t file) {
  Diagnostics found;
  Reporter report(found);
  if (text.size() > kMaxFileBytes) {
    report.error("too-large", Place{.file = file},
                 fmt::format("the file has {} bytes, more than {}", text.size(), kMaxFileBytes),
                 "split it into several files in one directory");
    return found;
  }
  if (CharacterCheck(text, file, report).run()) DepthCheck(text, file, report).run();
  return found;
}

}  // namespace ovl
