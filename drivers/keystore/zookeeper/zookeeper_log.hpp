// What the driver writes for itself: the counter that all commits pass, and one log entry per commit.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/keystore/keystore.hpp"

namespace ovl::zk {

// A commit whose values are larger altogether is not kept for watches: they are reset.
inline constexpr std::size_t kMaxLogged = 256 << 10;
// The log's size. It is cut when it is larger than this by the slack, so that few commits do that.
inline constexpr std::uint64_t kLogEntries = 1000;
inline constexpr std::uint64_t kLogBytes = 8 << 20;
inline constexpr std::uint64_t kLogSlack = 64;
inline constexpr std::uint64_t kLogByteSlack = 1 << 20;

// The data of "%ovl": "<number> <oldest> <bytes>".
struct Counter {
  std::uint64_t number = 0;  // of the last commit; 0: none yet
  std::uint64_t oldest = 1;  // the first log entry that is kept
  std::uint64_t bytes = 0;   // of all kept log entries together

  bool operator==(const Counter&) const = default;
};

std::string write_counter(const Counter& counter);
std::optional<Counter> parse_counter(std::string_view text);

struct LoggedChange {
  enum class Kind { create, set, remove };
  Kind kind = Kind::set;
  std::string key;
  std::string value;
};

// The data of "%ovl/log/<number>". Its revision is the node's own czxid.
struct LogEntry {
  Revision before = 0;  // the revision of the entry before it; 0: there is none
  bool hole = false;    // the changes were too large to be kept
  std::vector<LoggedChange> changes;
};

// "before 17\n", then for each change "set 5 2\n", key, value, "\n", with the sizes of key and value.
// An entry that would be larger than `limit` becomes a hole.
std::string write_log_entry(const LogEntry& entry, std::size_t limit);
std::optional<LogEntry> parse_log_entry(std::string_view text);

}  // namespace ovl::zk
