#include "reconcile/manifest/diagnostic_text.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "reconcile/toml/toml_guard.hpp"
#include "reconcile/words/utf8.hpp"

namespace ovl {

namespace {

constexpr std::size_t kWidth = 96;    // columns of a source line
constexpr std::size_t kContext = 32;  // of them before the mark, in a cut line

std::string paint(bool colour, std::string_view code, std::string text) {
  return colour ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
}

// A source line as cells: what one code point is shown as.
struct Cells {
  std::vector<std::string> cells;
  std::size_t mark = 0;    // first marked cell; may be one past the last
  std::size_t marked = 1;  // number of marked cells
};

Cells cells_of(std::string_view line, const Place& place) {
  Cells out;
  const std::size_t begin = place.column > 0 ? place.column - 1 : 0;
  const std::size_t end = begin + std::max<std::size_t>(place.length, 1);
  std::size_t first = 0;
  std::size_t last = 0;
  for (std::size_t at = 0; at < line.size();) {
    const CodePoint point = first_code_point(line.substr(at));
    out.cells.push_back(safe_code_point(line.substr(at), point));
    if (at < begin) first = out.cells.size();
    at += point.size;
    if (at <= end) last = out.cells.size();
  }
  out.mark = first;
  out.marked = last > first ? last - first : 1;
  return out;
}

// A cell's width in columns: escapes are ASCII, everything else one column.
std::size_t width(const std::string& cell) {
  return static_cast<unsigned char>(cell[0]) < 0x80 ? cell.size() : 1;
}

// Drops cells before and behind so that the mark can be seen.
void cut(Cells& line) {
  const auto shorten_front = [&](std::size_t keep_before) {
    if (line.mark <= keep_before) return;
    const std::size_t drop = line.mark - keep_before;
    line.cells.erase(line.cells.begin(), line.cells.begin() + static_cast<std::ptrdiff_t>(drop));
    line.cells.insert(line.cells.begin(), "...");
    line.mark = keep_before + 1;
  };
  if (line.cells.size() > kWidth && line.mark > kWidth / 2) shorten_front(kContext);
  if (line.cells.size() > kWidth) {
    line.cells.resize(kWidth);
    line.cells.emplace_back("...");
    line.marked = std::min(line.marked, line.cells.size() - line.mark);
  }
}

// The part of a line that can be shown at all; the place then counts from its beginning. A code point has
// four bytes at most, so what is left out would be cut away cell by cell.
std::string_view around(std::string_view line, Place& place) {
  constexpr std::size_t reach = 4 * (kWidth + 1);
  const std::size_t mark = place.column > 0 ? place.column - 1 : 0;
  std::size_t begin = std::min(mark > reach ? mark - reach : 0, line.size());
  while (begin > 0 && begin < line.size() && (static_cast<unsigned char>(line[begin]) & 0xc0U) == 0x80U) {
    ++begin;
  }
  place.column = static_cast<std::uint32_t>(mark - begin + 1);
  place.length = static_cast<std::uint32_t>(std::min<std::size_t>(place.length, reach));
  return line.substr(begin, mark - begin + reach);
}

std::string marked_line(std::string_view masked, Place place, bool colour) {
  const std::uint32_t number = place.line;
  const std::string_view part = around(masked, place);
  Cells line = cells_of(part, place);
  cut(line);
  std::string shown;
  std::string blank;
  for (std::size_t i = 0; i < line.cells.size(); ++i) {
    shown += line.cells[i];
    if (i < line.mark) blank.append(width(line.cells[i]), ' ');
  }
  std::size_t columns = 0;
  for (std::size_t i = line.mark; i < line.mark + line.marked; ++i) {
    columns += i < line.cells.size() ? width(line.cells[i]) : 1;
  }
  std::string mark = "^";
  mark.append(columns - 1, '~');
  return fmt::format("\n{:>5} | {}\n      | {}{}", number, shown, blank,
                     paint(colour, "1;32", std::move(mark)));
}

std::string location(const Place& place, const Sources& sources) {
  if (place.file >= sources.size()) return {};
  const std::string name = safe_text(sources[place.file].name);
  if (place.line == 0) return name + ": ";
  return fmt::format("{}:{}:{}: ", name, place.line, place.column);
}

std::string_view severity_word(Severity severity) {
  return severity == Severity::error ? "error" : "warning";
}

void set_place(Value& out, const Place& place, const Sources& sources) {
  if (place.file < sources.size()) out.set("file", safe_text(sources[place.file].name));
  if (place.line == 0) return;
  out.set("line", place.line);
  out.set("column", place.column);
}

}  // namespace

DiagnosticText::DiagnosticText(const Sources& sources, bool colour)
    : sources_(&sources), colour_(colour), lines_(sources.size()) {}

std::string DiagnosticText::of(const Diagnostic& diagnostic) {
  const bool error = diagnostic.severity == Severity::error;
  std::string out = with_place(diagnostic.place, severity_word(diagnostic.severity), error ? "1;31" : "1;33",
                               fmt::format("{} [{}]", diagnostic.message, diagnostic.id.text()));
  if (!diagnostic.hint.empty()) {
    out += "\n" + paint(colour_, "1;36", "hint:") + " " + safe_text(diagnostic.hint);
  }
  for (const Diagnostic::Note& note : diagnostic.notes) {
    out += "\n" + with_place(note.place, "note", "1;36", note.message);
  }
  return out;
}

std::string DiagnosticText::with_place(const Place& place, std::string_view word,
                                       std::string_view word_colour, const std::string& message) {
  std::string out = paint(colour_, "1", location(place, *sources_));
  out += paint(colour_, word_colour, fmt::format("{}:", word));
  out += " " + safe_text(message);
  if (place.file < sources_->size() && place.line > 0) out += source_lines(place);
  return out;
}

std::string DiagnosticText::source_lines(const Place& place) {
  const std::string_view text = without_mark((*sources_)[place.file].text);
  // What the guard refused for its size is not walked through for a line.
  if (text.size() > kMaxFileBytes) return {};
  std::optional<MaskedLines>& lines = lines_[place.file];
  if (!lines) lines.emplace(text);
  return marked_line(lines->at(place.line), place, colour_);
}

std::string render(const Diagnostic& diagnostic, const Sources& sources, bool colour) {
  return DiagnosticText(sources, colour).of(diagnostic);
}

std::string render_all(const Diagnostics& diagnostics, const Sources& sources, bool colour,
                       std::string_view end) {
  DiagnosticText text(sources, colour);
  std::string out;
  const std::size_t shown = std::min(diagnostics.size(), kMostDiagnosticsShown);
  for (std::size_t i = 0; i < shown; ++i) {
    out += text.of(diagnostics[i]);
    out += end;
  }
  if (diagnostics.size() > shown) out += fmt::format("... and {} more\n", diagnostics.size() - shown);
  return out;
}

Value diagnostic_value(const Diagnostic& diagnostic, const Sources& sources) {
  Value out = Value::object();
  out.set("severity", severity_word(diagnostic.severity));
  out.set("id", diagnostic.id.text());
  out.set("message", safe_text(diagnostic.message));
  if (!diagnostic.hint.empty()) out.set("hint", safe_text(diagnostic.hint));
  set_place(out, diagnostic.place, sources);
  if (diagnostic.notes.empty()) return out;
  Value notes = Value::array();
  for (const Diagnostic::Note& note : diagnostic.notes) {
    Value one = Value::object();
    one.set("message", safe_text(note.message));
    set_place(one, note.place, sources);
    notes.push(std::move(one));
  }
  out.set("notes", std::move(notes));
  return out;
}

}  // namespace ovl
