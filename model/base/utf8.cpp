#include "model/base/utf8.hpp"

namespace ovl {

namespace {

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

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    if (!point.valid) return false;
    text.remove_prefix(point.size);
  }
  return true;
}

}  // namespace ovl
