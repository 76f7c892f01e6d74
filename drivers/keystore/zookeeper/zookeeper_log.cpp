#include "drivers/keystore/zookeeper/zookeeper_log.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace ovl::zk {

namespace {

constexpr std::array<std::string_view, 3> kKinds = {"create", "set", "remove"};

// Takes words, numbers and bytes from the front of a text.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  [[nodiscard]] bool at_end() const { return text_.empty(); }

  bool take(std::string_view word) {
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }

  template <class Number>
  bool take_number(Number& number) {
    const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), number);
    if (error != std::errc()) return false;
    text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
    return true;
  }

  bool take_bytes(std::size_t size, std::string& into) {
    if (size > text_.size()) return false;
    into = text_.substr(0, size);
    text_.remove_prefix(size);
    return true;
  }

 private:
  std::string_view text_;
};

bool take_kind(Reader& reader, LoggedChange& change) {
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    if (!reader.take(kKinds[i])) continue;
    change.kind = static_cast<LoggedChange::Kind>(i);
    return true;
  }
  return false;
}

bool take_change(Reader& reader, LoggedChange& change) {
  std::size_t key = 0;
  std::size_t value = 0;
  return take_kind(reader, change) && reader.take(" ") && reader.take_number(key) && reader.take(" ") &&
         reader.take_number(value) && reader.take("\n") && reader.take_bytes(key, change.key) &&
         reader.take_bytes(value, change.value) && reader.take("\n");
}

}  // namespace

std::string write_counter(const Counter& counter) {
  return fmt::format("{} {} {}", counter.number, counter.oldest, counter.bytes);
}

std::optional<Counter> parse_counter(std::string_view text) {
  Reader reader(text);
  Counter counter;
  const bool whole = reader.take_number(counter.number) && reader.take(" ") &&
                     reader.take_number(counter.oldest) && reader.take(" ") &&
                     reader.take_number(counter.bytes) && reader.at_end();
  return whole ? std::optional(counter) : std::nullopt;
}

std::string write_log_entry(const LogEntry& entry, std::size_t limit) {
  std::string out = fmt::format("before {}\n", entry.before);
  std::string hole = out + "hole\n";
  if (entry.hole) return hole;
  for (const LoggedChange& change : entry.changes) {
    out += fmt::format("{} {} {}\n{}{}\n", kKinds[static_cast<std::size_t>(change.kind)], change.key.size(),
                       change.value.size(), change.key, change.value);
    if (out.size() > limit) return hole;
  }
  return out;
}

std::optional<LogEntry> parse_log_entry(std::string_view text) {
  Reader reader(text);
  LogEntry entry;
  if (!reader.take("before ") || !reader.take_number(entry.before) || !reader.take("\n")) return std::nullopt;
  entry.hole = reader.take("hole\n");
  while (!reader.at_end()) {
    LoggedChange change;
    if (!take_change(reader, change)) return std::nullopt;
    entry.changes.push_back(std::move(change));
  }
  return entry;
}

}  // namespace ovl::zk
