// How far an apply is, told while it goes on; and whether it is to go on.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "model/base/result.hpp"

namespace ovl {

// One word about one step. Each step is told at its start and at its end; between them its progress may be.
struct StepProgress {
  // fail: something of it failed in one part of the host, which is left as it is; the others go on.
  enum class Phase : std::uint8_t { start, progress, complete, fail };
  Phase phase = Phase::start;
  std::string_view step;  // "write records", "create links", "verify"; lives as long as the program
  std::size_t done = 0;   // of total
  std::size_t total = 0;  // operations; 0: not known
};

// Called from the applying thread, which waits for it.
struct Progress {
  std::function<void(const StepProgress&)> tell = [](const StepProgress&) {};
  // Whether the user wants the command to end. Asked between two steps, by go_on().
  std::function<bool()> stop = [] { return false; };

  void start(std::string_view step, std::size_t total) const {
    tell({StepProgress::Phase::start, step, 0, total});
  }

  // Before each step, with a word for what is done so far. Errors: interrupted.
  [[nodiscard]] Status go_on(std::string_view next, std::string_view done) const;

  void progress(std::string_view step, std::size_t done, std::size_t total) const {
    tell({StepProgress::Phase::progress, step, done, total});
  }

  void complete(std::string_view step, std::size_t total) const {
    tell({StepProgress::Phase::complete, step, total, total});
  }

  void fail(std::string_view step, std::size_t total) const {
    tell({StepProgress::Phase::fail, step, total, total});
  }
};

}  // namespace ovl
