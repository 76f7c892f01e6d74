// A line on a terminal that says how far an apply is, and goes when it ends.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "reconcile/base/progress.hpp"

namespace ovl {

// Nothing is drawn in the first second, and then ten times a second at most. What is told is drawn by who
// tells it: there is no thread beside the applying one, which must be able to enter namespaces.
class ProgressLine {
 public:
  using Now = std::function<std::chrono::milliseconds()>;  // since any time

  // fd: a terminal.
  ProgressLine(int fd, Now now);
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  ~ProgressLine() { erase(); }

  void tell(const StepProgress& step);
  void erase();

 private:
  void draw(const std::string& text);

  int fd_;
  Now now_;
  std::chrono::milliseconds began_{-1};
  std::chrono::milliseconds drawn_{-1};
  bool shown_ = false;
};

}  // namespace ovl
