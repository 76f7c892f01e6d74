#include "model/base/format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace ovl {

namespace {

constexpr std::size_t kMostDigits = 6;
constexpr std::size_t kMostNameBytes = 64;

bool read_number(std::string_view text, std::uint32_t& number) {
  if (text.empty() || text.size() > kMostDigits || (text.size() > 1 && text.front() == '0')) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

Error no_format(std::string_view text) {
  return Error{.code = Errc::corrupt, .message = fmt::format("\"{}\" is no format, as 1.0 is one", text)};
}

}  // namespace

std::string RecordFormat::text() const {
  return fmt::format("{}.{}", major, minor);
}

Result<RecordFormat> RecordFormat::parse(std::string_view text) {
  RecordFormat out;
  const std::size_t dot = text.find('.');
  const bool has_both = dot != std::string_view::npos && read_number(text.substr(0, dot), out.major) &&
                        read_number(text.substr(dot + 1), out.minor);
  if (!has_both || out.major == 0) return no_format(text);
  return out;
}

Result<RecordFormat> format_of(const Value& object) {
  const Value* member = object.find(kFormatMember);
  if (member == nullptr) return RecordFormat{};
  const std::string* text = member->as_string();
  if (text == nullptr) return no_format(member->json());
  OVL_TRY(const RecordFormat format, RecordFormat::parse(*text));
  if (format.major == kRecordFormat.major) return format;
  return Error{
      .code = Errc::unsupported,
      .message = fmt::format("it has format {}, and this build of ovl reads format {}: update ovl here",
                             format.text(), kRecordFormat.major)};
}

bool is_member_name(std::string_view name) {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto may_follow = [&](char c) { return is_letter(c) || c == '_' || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= kMostNameBytes && is_letter(name.front()) &&
         std::ranges::all_of(name, may_follow);
}

void add_newer(Value& object, const Newer& newer) {
  if (newer.minor == 0) return;
  object.set(kFormatMember, Value(RecordFormat{kRecordFormat.major, newer.minor}.text()));
  for (const auto& [name, value] : newer.members) object.set(name, value);
}

}  // namespace ovl
