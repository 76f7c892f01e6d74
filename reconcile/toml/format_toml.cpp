#include "reconcile/toml/format_toml.hpp"

#include <algorithm>
#include <vector>

#include "reconcile/toml/toml_guard.hpp"

namespace ovl {

namespace {

enum class TokenKind : std::uint8_t { word, string, open, close, comma, equals, comment };

struct Token {
  TokenKind kind;
  std::string_view text;
};

// One line as it is broken in the file; a string of several lines is within one.
using Line = std::vector<Token>;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

TokenKind kind_of(char c) {
  switch (c) {
    case '[':
    case '{': return TokenKind::open;
    case ']':
    case '}': return TokenKind::close;
    case ',': return TokenKind::comma;
    case '=': return TokenKind::equals;
    case '#': return TokenKind::comment;
    case '"':
    case '\'': return TokenKind::string;
    default: return TokenKind::word;
  }
}

std::string_view without_blanks_behind(std::string_view text) {
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::size_t end_of(std::string_view text, std::size_t at, TokenKind kind) {
  if (kind == TokenKind::string) return skip_string(text, at);
  if (kind == TokenKind::comment) return std::min(text.find('\n', at), text.size());
  if (kind != TokenKind::word) return at + 1;
  while (at < text.size() && text[at] != '\n' && !is_blank(text[at]) && kind_of(text[at]) == TokenKind::word)
    ++at;
  return at;
}

std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines(1);
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '\n') {
      lines.emplace_back();
      ++at;
    } else if (is_blank(text[at])) {
      ++at;
    } else {
      const TokenKind kind = kind_of(text[at]);
      const std::size_t end = end_of(text, at, kind);
      lines.back().push_back(Token{kind, without_blanks_behind(text.substr(at, end - at))});
      at = end;
    }
  }
  return lines;
}

// The dots of a dotted key have no blanks around them.
bool meets_at_a_dot(const Token& before, const Token& after) {
  const auto is_part = [](const Token& token) {
    return token.kind == TokenKind::word || token.kind == TokenKind::string;
  };
  return is_part(before) && is_part(after) && (before.text.ends_with('.') || after.text.starts_with('.'));
}

bool has_blank_between(const Token& before, const Token& after) {
  if (after.kind == TokenKind::comment) return true;
  if (after.kind == TokenKind::comma || before.text == "[" || after.text == "]") return false;
  if (before.text == "{" && after.text == "}") return false;
  return !meets_at_a_dot(before, after);
}

class Formatter {
 public:
  std::string run(std::string_view text) {
    for (const Line& line : lines_of(text)) add(line);
    while (!out_.empty() && out_.back().empty()) out_.pop_back();
    std::string all;
    for (const std::string& line : out_) all += line + "\n";
    return all;
  }

 private:
  void add(const Line& line) {
    if (line.empty()) {
      // One empty line is as good as several, and none is needed at the beginning.
      if (!out_.empty() && !out_.back().empty()) out_.emplace_back();
      return;
    }
    const bool header = depth_ == 0 && line.front().text == "[";
    if (header && !is_below_the_last_table(line)) part_from_what_is_above();
    out_.push_back(indentation(line) + (header ? header_text(line) : text_of(line)));
    for (const Token& token : line) {
      if (header) break;
      if (token.kind == TokenKind::open) ++depth_;
      if (token.kind == TokenKind::close && depth_ > 0) --depth_;
    }
  }

  // Parts of one thing may stand close together: [endpoint.web], [endpoint.web.networks.front].
  bool is_below_the_last_table(const Line& line) {
    std::string name;
    for (const Token& token : line) {
      if (token.kind == TokenKind::word || token.kind == TokenKind::string) name += token.text;
    }
    if (!table_.empty() && name.starts_with(table_ + ".")) return true;
    table_ = std::move(name);
    return false;
  }

  // An empty line before a table, and before the comment that stands right above it.
  void part_from_what_is_above() {
    auto at = out_.end();
    while (at != out_.begin() && std::prev(at)->starts_with('#')) --at;
    if (at != out_.begin() && !std::prev(at)->empty()) out_.insert(at, std::string());
  }

  [[nodiscard]] std::string indentation(const Line& line) const {
    std::size_t closing = 0;
    while (closing < line.size() && line[closing].kind == TokenKind::close) ++closing;
    return std::string(2 * (depth_ - std::min(depth_, closing)), ' ');
  }

  static std::string header_text(const Line& line) {
    std::string out;
    for (const Token& token : line)
      out += (token.kind == TokenKind::comment ? " " : "") + std::string(token.text);
    return out;
  }

  static std::string text_of(const Line& line) {
    std::string out;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (i > 0 && has_blank_between(line[i - 1], line[i])) out += ' ';
      out += line[i].text;
    }
    return out;
  }

  std::vector<std::string> out_;
  std::size_t depth_ = 0;  // open brackets
  std::string table_;      // the name in the last header that is below no other
};

}  // namespace

std::string format_toml(std::string_view text) {
  return Formatter().run(without_mark(text));
}

}  // namespace ovl
