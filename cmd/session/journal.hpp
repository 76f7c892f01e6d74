// What the long-running verbs say on stderr, one line each: for a terminal, and for systemd's journal with
// priorities.
#pragma once

#include <string>
#include <vector>

#include "model/plan/plan.hpp"

namespace ovl {

// The levels of syslog(3) that are used here.
enum class Priority : std::uint8_t { error = 3, warning = 4, notice = 5, info = 6 };

// One line, made safe for a terminal. Where stderr is the journal's stream (JOURNAL_STREAM, systemd.exec(5))
// it begins with "<4>" (sd-daemon(3)) instead of with the program's name, which the journal knows.
void say_line(const std::string& text, Priority priority = Priority::info);

// "1 change", "2 changes".
std::string changes_text(std::size_t count);

// What an apply changed: a line for each change, "update link.host["ovl1"]: differs"; above kMostLines of
// them one for each action and reason, "create: absent: 5150 changes, the first link.host["ovl1"]".
std::vector<std::string> change_lines(const Plan& plan);

inline constexpr std::size_t kMostLines = 50;

}  // namespace ovl
