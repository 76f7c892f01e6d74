#include "reconcile/utf8.hpp"

#include <fmt/format.h>

#include <iterator>

namespace ovl {

namespace {

constexpr std::size_t kShownBytes = 80;

// The length that a first byte announces; 0 for none.
std::size_t announced(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return 2;
  if (first >= 0xe0 && first < 0xf0) return 3;
  return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

bool is_scalar(char32_t value, std::size_t size) {
  if (size == 3 && value < 0x800) return false;
  if (size == 4 && (value < 0x10000 || value > 0x10ffff)) return false;
  return value < 0xd800 || value > 0xdfff;
}

// Characters that move text about or cannot be told from others: Unicode's bidirectional controls,
// no-break and zero-width characters, line separators and the byte order mark.
bool is_deceptive(char32_t value) {
  return (value >= 0x80 && value <= 0xa0) || value == 0xad || value == 0x61c ||
         (value >= 0x200b && value <= 0x200f) || (value >= 0x2028 && value <= 0x202e) ||
         (value >= 0x2060 && value <= 0x206f) || value == 0xfeff;
}

}  // namespace

CodePoint first_code_point(std::string_view text) {
  const auto byte_at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t size = announced(byte_at(0));
  const CodePoint bad{.value = byte_at(0), .size = 1, .valid = false};
  if (size == 0 || size > text.size()) return bad;
  char32_t value = size == 1 ? byte_at(0) : byte_at(0) & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte_at(i) & 0xc0U) != 0x80U) return bad;
    value = (value << 6U) | (byte_at(i) & 0x3fU);
  }
  return is_scalar(value, size) ? CodePoint{.value = value, .size = size, .valid = true} : bad;
}

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
