// Colour and safe text for terminals.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ovl {

// Wraps text in ANSI colours, or doesn't.
class Style {
 public:
  explicit Style(bool colour) : colour_(colour) {}

  [[nodiscard]] std::string green(std::string_view text) const { return paint("32", text); }

  [[nodiscard]] std::string red(std::string_view text) const { return paint("31", text); }

  [[nodiscard]] std::string yellow(std::string_view text) const { return paint("33", text); }

  [[nodiscard]] std::string bold(std::string_view text) const { return paint("1", text); }

  [[nodiscard]] std::string dim(std::string_view text) const { return paint("2", text); }

 private:
  [[nodiscard]] std::string paint(std::string_view code, std::string_view text) const;

  bool colour_;
};

// Whether a stream gets colour: NO_COLOR beats CLICOLOR_FORCE beats the terminal check.
bool wants_colour(int fd);

// Whether a script reads what is printed and nobody watches: OVL_IN_AUTOMATION is set, or CI=true. Progress
// and hints about what to do next are left out then.
bool in_automation();

// Text from outside as it may be shown: what moves a cursor, reorders text, can't be seen or is no UTF-8
// becomes \xNN or \u{NNNN}.
std::string printable(std::string_view text);

// Rows of cells as aligned columns, two blanks apart, without trailing blanks.
class Table {
 public:
  void row(std::vector<std::string> cells);
  // A line of its own between the rows, which moves no column.
  void line(std::string text);
  [[nodiscard]] std::string text(std::string_view indent) const;

 private:
  struct Row {
    std::vector<std::string> cells;
    bool aligned = true;
  };

  [[nodiscard]] std::vector<std::size_t> widths() const;

  std::vector<Row> rows_;
};

}  // namespace ovl
