// What comes from a store, a manifest, a repository or the kernel is somebody's text, and a terminal obeys
// text. Colour is added after that has been made safe, so that what is left of escape sequences is ours.
#include "cmd/base/style.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "reconcile/words/utf8.hpp"

namespace ovl {

namespace {

// An empty variable is as none (no-color.org says so of NO_COLOR).
bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

// Columns that a cell takes on a terminal: UTF-8 continuation bytes and colour codes take none.
std::size_t width(std::string_view text) {
  std::size_t columns = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    // Only our own colours: text from outside has none left by then (printable()).
    if (text[i] == '\x1b') {
      while (i < text.size() && text[i] != 'm') ++i;
    } else if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) {
      // Names are ASCII; of wider characters a column may be off, which is all that happens.
      ++columns;
    }
  }
  return columns;
}

}  // namespace

std::string Style::paint(std::string_view code, std::string_view text) const {
  return colour_ ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

bool wants_colour(int fd) {
  if (is_set("NO_COLOR")) return false;
  // Behind NO_COLOR: who wants none means it.
  if (is_set("CLICOLOR_FORCE")) return true;
  // Of the stream that is written to: `ovl plan | less` has a terminal on stderr alone.
  return isatty(fd) == 1;
}

bool in_automation() {
  const char* ci = std::getenv("CI");
  // "true" is what the services set.
  return is_set("OVL_IN_AUTOMATION") || (ci != nullptr && std::string_view(ci) == "true");
}

std::string printable(std::string_view text) {
  return safe_text(text);
}

void Table::row(std::vector<std::string> cells) {
  rows_.push_back({.cells = std::move(cells)});
}

void Table::line(std::string text) {
  rows_.push_back({.cells = {std::move(text)}, .aligned = false});
}

std::vector<std::size_t> Table::widths() const {
  std::vector<std::size_t> out;
  for (const Row& row : rows_) {
    if (!row.aligned) continue;
    if (out.size() < row.cells.size()) out.resize(row.cells.size());
    for (std::size_t i = 0; i < row.cells.size(); ++i) out[i] = std::max(out[i], width(row.cells[i]));
  }
  return out;
}

std::string Table::text(std::string_view indent) const {
  const std::vector<std::size_t> columns = widths();
  std::string out;
  for (const Row& row : rows_) {
    std::string line(indent);
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      line += row.cells[i];
      if (i + 1 < row.cells.size()) line.append(columns[i] - width(row.cells[i]) + 2, ' ');
    }
    // Empty cells at the end would leave blanks, which break what is pasted and compared.
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace ovl
