#include "reconcile/toml/toml_outline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "reconcile/toml/reporter.hpp"
#include "reconcile/toml/toml_guard.hpp"
#include "reconcile/words/utf8.hpp"

namespace ovl {

namespace {

using Path = std::vector<std::string>;

class Outline {
 public:
  Outline(std::string_view text, std::uint32_t file) : text_(text), places_(text, file) {}

  std::vector<TomlStatement> run() {
    while (true) {
      skip_blank();
      if (at_ >= text_.size()) return std::move(found_);
      if (text_[at_] == '[') {
        read_header();
      } else {
        read_assignment();
      }
      skip_value();
    }
  }

 private:
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\n'; }

  void skip_blank() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        ++at_;
      } else {
        return;
      }
    }
  }

  void skip_space() {
    while (peek() == ' ' || peek() == '\t') ++at_;
  }

  // One segment of a dotted key, without its quotes.
  std::string read_segment() {
    segment_ = at_;
    if (peek() == '"' || peek() == '\'') {
      at_ = skip_string(text_, at_);
      const std::size_t size = at_ - segment_;
      return std::string(size >= 2 ? text_.substr(segment_ + 1, size - 2) : "");
    }
    while (std::string_view(" \t\r\n.=]#").find(peek()) == std::string_view::npos) ++at_;
    return std::string(text_.substr(segment_, at_ - segment_));
  }

  Path read_key() {
    Path path;
    while (true) {
      skip_space();
      path.push_back(read_segment());
      last_place_ = places_.at(segment_, std::max<std::size_t>(at_ - segment_, 1));
      skip_space();
      if (peek() != '.') return path;
      ++at_;
    }
  }

  // Below [[array]], names belong to the element opened last.
  [[nodiscard]] Path within_elements(const Path& path) const {
    Path out;
    for (const std::string& segment : path) {
      out.push_back(segment);
      const auto element = elements_.find(out);
      if (element != elements_.end()) out.push_back(fmt::format("[{}]", element->second));
    }
    return out;
  }

  void read_header() {
    const bool array = text_.substr(at_).starts_with("[[");
    at_ += array ? 2 : 1;
    const Path written = read_key();
    if (array) ++elements_[written];
    header_ = within_elements(written);
    if (!array) found_.push_back({.path = header_, .place = last_place_, .header = true});
    while (peek() == ']') ++at_;
  }

  void read_assignment() {
    const Path key = read_key();
    Path path = header_;
    path.insert(path.end(), key.begin(), key.end());
    found_.push_back({.path = std::move(path), .place = last_place_, .header = false});
  }

  // To the end of the line on which all brackets are closed.
  void skip_value() {
    std::size_t depth = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"' || c == '\'') {
        at_ = skip_string(text_, at_);
        continue;
      }
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
        continue;
      }
      if (c == '[' || c == '{') ++depth;
      if ((c == ']' || c == '}') && depth > 0) --depth;
      ++at_;
      if (c == '\n' && depth == 0) return;
    }
  }

  std::string_view text_;
  PlaceCounter places_;
  std::size_t at_ = 0;
  std::size_t segment_ = 0;
  Place last_place_;
  Path header_;
  std::map<Path, std::size_t> elements_;
  std::vector<TomlStatement> found_;
};

bool is_named_block(const TomlStatement& statement) {
  const std::string& first = statement.path.front();
  return statement.header && statement.path.size() == 2 &&
         (first == "host" || first == "network" || first == "endpoint");
}

std::string header_text(const Path& path) {
  std::string out;
  for (const std::string& segment : path) {
    if (segment.starts_with('[')) continue;
    out += (out.empty() ? "" : ".") + shortened(segment);
  }
  return "[" + out + "]";
}

std::string twice(const TomlStatement& statement) {
  const Path& path = statement.path;
  if (is_named_block(statement)) {
    return fmt::format("{} \"{}\" is defined twice", path[0], shortened(path[1]));
  }
  if (statement.header) return fmt::format("{} is defined twice", header_text(path));
  if (path.size() == 1) return fmt::format("\"{}\" is set twice", shortened(path.back()));
  return fmt::format("\"{}\" is set twice in {}", shortened(path.back()),
                     header_text(Path(path.begin(), path.end() - 1)));
}

}  // namespace

std::vector<TomlStatement> outline_toml(std::string_view text, std::uint32_t file) {
  return Outline(text, file).run();
}

Diagnostics find_redefinitions(std::string_view text, std::uint32_t file) {
  Diagnostics found;
  Reporter report(found);
  std::map<Path, const TomlStatement*> first;
  const std::vector<TomlStatement> statements = outline_toml(text, file);
  bool in_repeated_table = false;  // whose keys are no findings of their own
  for (const TomlStatement& statement : statements) {
    const auto [at, is_new] = first.emplace(statement.path, &statement);
    if (statement.header) in_repeated_table = !is_new;
    if (is_new || (in_repeated_table && !statement.header)) continue;
    report.clash(statement.header ? FindingId("duplicate-name") : FindingId("duplicate-key"), statement.place,
                 twice(statement), statement.header ? "rename or merge one of them" : "remove one of them",
                 at->second->place, statement.header ? "first defined here" : "first set here");
  }
  return found;
}

}  // namespace ovl
