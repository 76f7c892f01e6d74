// Explanations are written once, as the Markdown of the docs; terminals and man pages get what is left
// without its marks.
#include "cmd/base/plain_text.hpp"

#include <algorithm>

namespace ovl {

namespace {

// Not the terminal's width: what is printed is the same everywhere, and tests hold it.
constexpr std::size_t kColumns = 80;

}  // namespace

std::string plain_text(std::string_view markdown) {
  std::string out;
  for (std::size_t at = 0; at < markdown.size(); ++at) {
    // The tables of keys are written once, in Markdown, and shown in four places.
    if (markdown[at] == '`') continue;
    // A block's header has brackets, too: "[policy]" is no link.
    const std::size_t end = markdown[at] == '[' ? markdown.find("](", at) : std::string_view::npos;
    const std::size_t close = end == std::string_view::npos ? end : markdown.find(')', end);
    const bool link =
        close != std::string_view::npos && markdown.substr(at, end - at).find(']') == std::string_view::npos;
    if (link) {
      out += markdown.substr(at + 1, end - at - 1);
      at = close;
    } else {
      out += markdown[at];
    }
  }
  return out;
}

std::string wrapped(std::string_view text, std::size_t indent) {
  std::string out;
  std::size_t column = indent;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    // A word that is longer than a line has one of its own.
    if (column > indent && column + 1 + word.size() > kColumns) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}

}  // namespace ovl
