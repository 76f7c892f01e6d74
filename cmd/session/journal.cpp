#include "cmd/session/journal.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <map>

#include "cmd/base/describe.hpp"
#include "cmd/base/style.hpp"

namespace ovl {

namespace {

// "DEVICE:INODE" of the stream: a stderr that somebody has directed elsewhere is not the journal's.
bool stderr_is_journal() {
  // The variable alone would do for nothing: children inherit it, also those whose stderr goes into a file.
  const char* stream = std::getenv("JOURNAL_STREAM");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  if (stream == nullptr) return false;

  struct stat now {};

  return ::fstat(STDERR_FILENO, &now) == 0 && stream == fmt::format("{}:{}", now.st_dev, now.st_ino);
}

std::string line_of(Action action, Reason reason, const std::string& name) {
  return fmt::format("{} {}: {}", name_of(action), name, words_for(reason));
}

// Records first, as what happens to objects follows from them.
std::vector<std::string> every_line(const Plan& plan) {
  std::vector<std::string> out;
  for (const RecordChange& change : plan.record_changes) {
    out.push_back(line_of(change.action, change.reason, name_of(change).address()));
  }
  for (const ObjectChange& change : plan.object_changes) {
    out.push_back(line_of(change.action, change.reason, name_of(plan, change).address()));
  }
  return out;
}

// How many there are of one action and reason, and which is the first.
struct Alike {
  std::size_t count = 0;
  std::string first;
};

class Groups {
 public:
  // name: of the change, asked for where it is the first of its group.
  template <class Change, class Name>
  void add(const Change& change, const Name& name) {
    Alike& alike = groups_[{change.action, change.reason}];
    // The name of one in thousands is made, and not those of all.
    if (alike.count++ == 0) alike.first = name(change).address();
  }

  [[nodiscard]] std::vector<std::string> lines() const {
    std::vector<std::string> out;
    for (const auto& [key, alike] : groups_) {
      out.push_back(fmt::format("{}: {}: {}, the first {}", name_of(key.first), words_for(key.second),
                                changes_text(alike.count), alike.first));
    }
    return out;
  }

 private:
  std::map<std::pair<Action, Reason>, Alike> groups_;
};

}  // namespace

void say_line(const std::string& text, Priority priority) {
  // As sd-daemon(3) has it: the journal takes "<3>" off and keeps it as PRIORITY. On a terminal the same
  // would be noise.
  std::cerr << (stderr_is_journal() ? fmt::format("<{}>", static_cast<int>(priority)) : "ovl: ")
            << printable(text) << "\n"
            << std::flush;
}

std::string changes_text(std::size_t count) {
  return count == 1 ? "1 change" : fmt::format("{} changes", count);
}

std::vector<std::string> change_lines(const Plan& plan) {
  // Thousands of lines bury the one that says how it ended, and journald drops what comes too fast
  // (RateLimitBurst).
  if (plan.record_changes.size() + plan.object_changes.size() <= kMostLines) return every_line(plan);
  Groups groups;
  for (const RecordChange& change : plan.record_changes) {
    groups.add(change, [](const RecordChange& one) { return name_of(one); });
  }
  for (const ObjectChange& change : plan.object_changes) {
    groups.add(change, [&](const ObjectChange& one) { return name_of(plan, one); });
  }
  return groups.lines();
}

}  // namespace ovl
