#include "model/plan/policy.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

namespace ovl {

namespace {

constexpr int kDayMinutes = 24 * 60;

// Fields of a record that people do not give: a VNI or port on its way is a change of `vni` or `port`.
constexpr std::array<std::string_view, 2> kInnerFields{"twin", "device"};

Error usage(std::string message, std::string hint) {
  return {.code = Errc::usage, .message = std::move(message), .hint = std::move(hint)};
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

// Letters of names, and none that a terminal minds.
bool is_name_part(std::string_view text) {
  return text.size() <= 253 && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
         });
}

template <NamedEnum E>
std::optional<E> named(std::string_view text) {
  const auto& names = EnumNames<E>::names;
  const auto at = std::ranges::find(names, text);
  return at != names.end() ? std::optional(static_cast<E>(at - names.begin())) : std::nullopt;
}

template <class Record>
std::vector<std::string_view> fields_that_change() {
  std::vector<std::string_view> out;
  for_each_field<Record>([&](const auto& field) {
    const bool inner = std::ranges::find(kInnerFields, field.name) != kInnerFields.end();
    if (field.role != Role::key && field.role != Role::computed && !inner) out.push_back(field.name);
  });
  return out;
}

std::vector<std::string_view> fields_of(RecordKind kind) {
  switch (kind) {
    case RecordKind::host: return fields_that_change<HostRecord>();
    case RecordKind::network: return fields_that_change<NetworkRecord>();
    case RecordKind::endpoint: return fields_that_change<EndpointRecord>();
  }
  return {};
}

std::optional<int> two_digits(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = text.size() == 2 && text[0] != '-' && error == std::errc{} && end == text.end();
  return whole ? std::optional(number) : std::nullopt;
}

}  // namespace

// ---- how much -------------------------------------------------------------------------------------

Result<DestroyLimit> DestroyLimit::parse(const std::string& text) {
  DestroyLimit limit;
  const char* end = text.data() + text.size();
  limit.percent = text.ends_with('%');
  if (limit.percent) --end;
  const auto [stop, error] = std::from_chars(text.data(), end, limit.value);
  const bool whole = error == std::errc{} && stop == end;
  if (whole && (!limit.percent || limit.value <= 100)) return limit;
  return usage(fmt::format("\"{}\" is no number of records", text), "write it like 12 or 50%");
}

std::string DestroyLimit::text() const {
  return fmt::format("{}{}", value, percent ? "%" : "");
}

bool DestroyLimit::is_exceeded_by(std::size_t removals, std::size_t all) const {
  return percent ? removals * 100 > value * all : removals > value;
}

// ---- which ----------------------------------------------------------------------------------------

Result<RecordPattern> RecordPattern::parse(std::string_view text) {
  const std::string whole = lower_case(text);
  const std::size_t dot = whole.find('.');
  const auto kind = named<RecordKind>(std::string_view(whole).substr(0, dot));
  RecordPattern out;
  if (kind && dot != std::string::npos) out = {.kind = *kind, .name = whole.substr(dot + 1)};
  out.prefix = out.name.ends_with('*');
  const bool has_name = !out.name.empty();
  if (out.prefix) out.name.pop_back();
  if (has_name && is_name_part(out.name)) return out;
  return usage("this names no records",
               "write network.NAME, host.NAME or endpoint.NAME; a * at its end stands for any rest");
}

std::string RecordPattern::text() const {
  return fmt::format("{}.{}{}", name_of(kind), name, prefix ? "*" : "");
}

Result<HostPattern> HostPattern::parse(std::string_view text) {
  HostPattern out{.name = lower_case(text)};
  const bool has_name = !out.name.empty();
  out.prefix = out.name.ends_with('*');
  if (out.prefix) out.name.pop_back();
  out.suffix = !out.prefix && out.name.starts_with('*');
  if (out.suffix) out.name.erase(0, 1);
  if (has_name && is_name_part(out.name)) return out;
  return usage("this names no hosts",
               "write a host's name; one * at its beginning or its end stands for the rest");
}

std::string HostPattern::text() const {
  return fmt::format("{}{}{}", suffix ? "*" : "", name, prefix ? "*" : "");
}

Result<ForbiddenChange> ForbiddenChange::parse(std::string_view text) {
  const std::size_t blank = text.find(' ');
  const std::string_view what = blank != std::string_view::npos ? text.substr(blank + 1) : std::string_view();
  const std::size_t dot = what.find('.');
  const auto action = named<RecordAction>(text.substr(0, blank));
  const auto kind = named<RecordKind>(what.substr(0, dot));
  if (!action || !kind) {
    return usage("this is no change of a record",
                 "write create, update, remove or rename, a blank, and host, network or endpoint; "
                 "an update may name a field: \"update network.vni\"");
  }
  ForbiddenChange out{.action = *action, .kind = *kind};
  if (dot == std::string_view::npos) return out;
  out.field = what.substr(dot + 1);
  const std::vector<std::string_view> known = fields_of(*kind);
  if (*action == RecordAction::update && std::ranges::find(known, out.field) != known.end()) return out;
  if (*action != RecordAction::update) {
    return usage("only an update is of a field",
                 fmt::format("leave the field out: \"{} {}\"", name_of(*action), name_of(*kind)));
  }
  return usage(fmt::format("a {} has no such field", name_of(*kind)),
               fmt::format("its fields are {}", fmt::join(known, ", ")));
}

std::string ForbiddenChange::text() const {
  return fmt::format("{} {}{}{}", name_of(action), name_of(kind), field.empty() ? "" : ".", field);
}

// ---- when -----------------------------------------------------------------------------------------

Result<WeekdayName> WeekdayName::parse(std::string_view text) {
  const auto day = named<Weekday>(lower_case(text));
  if (day) return WeekdayName{*day};
  return usage("this is no weekday",
               fmt::format("the days are {}", fmt::join(EnumNames<Weekday>::names, ", ")));
}

Result<TimeOfDay> TimeOfDay::parse(std::string_view text) {
  if (text.size() == 5 && text[2] == ':') {
    const auto hours = two_digits(text.substr(0, 2));
    const auto minutes = two_digits(text.substr(3));
    if (hours && minutes && *minutes < 60 && *hours * 60 + *minutes <= kDayMinutes) {
      return TimeOfDay{*hours * 60 + *minutes};
    }
  }
  return usage("this is no time of the day", "write it like 08:00; the day ends at 24:00");
}

std::string TimeOfDay::text() const {
  return fmt::format("{:02}:{:02}", minutes / 60, minutes % 60);
}

bool PolicyWindow::is_open(std::int64_t now) const {
  constexpr std::int64_t kThursday = 3;  // 1970-01-01
  const int minute = static_cast<int>(now / 60 % kDayMinutes);
  const auto today = static_cast<std::size_t>((now / 60 / kDayMinutes + kThursday) % 7);
  const std::size_t yesterday = (today + 6) % 7;
  if (from < to) return days[today] && minute >= from.minutes && minute < to.minutes;
  return (days[today] && minute >= from.minutes) || (days[yesterday] && minute < to.minutes);
}

std::string PolicyWindow::text() const {
  std::vector<std::string_view> on;
  for (std::size_t day = 0; day < days.size(); ++day) {
    if (days[day]) on.push_back(EnumNames<Weekday>::names[day]);
  }
  const std::string which = on.size() == days.size() ? "daily" : fmt::format("{}", fmt::join(on, " "));
  return fmt::format("{} {}-{}", which, from.text(), to.text());
}

}  // namespace ovl
