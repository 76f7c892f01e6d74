#include "reconcile/words/utf8.hpp"

#include <fmt/format.h>

#include <iterator>

namespace ovl {

namespace {

constexpr std::size_t kShownBytes = 80;

// Characters that move text about or cannot be told from others: Unicode's bidirectional controls,
// no-break and zero-width characters, line separators and the byte order mark.
bool is_deceptive(char32_t value) {
  return (value >= 0x80 && value <= 0xa0) || value == 0xad || value == 0x61c ||
         (value >= 0x200b && value <= 0x200f) || (value >= 0x2028 && value <= 0x202e) ||
         (value >= 0x2060 && value <= 0x206f) || value == 0xfeff;
}

}  // namespace

std::string safe_code_point(std::string_view bytes, const CodePoint& point) {
  if (point.valid && point.value == '\t') return "  ";
  if (!point.valid || point.value < 0x20 || point.value == 0x7f) {
    return fmt::format("\\x{:02x}", static_cast<std::uint32_t>(point.value));
  }
  if (is_deceptive(point.value)) return fmt::format("\\u{{{:x}}}", static_cast<std::uint32_t>(point.value));
  return std::string(bytes.substr(0, point.size));
}

std::string safe_text(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    out += safe_code_point(text, point);
    text.remove_prefix(point.size);
  }
  return out;
}

std::string shortened(std::string_view text) {
  if (text.size() <= kShownBytes) return std::string(text);
  std::size_t end = kShownBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
  return std::string(text.substr(0, end)) + "...";
}

}  // namespace ovl
