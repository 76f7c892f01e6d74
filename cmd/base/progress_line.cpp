// One line that is drawn over itself, by whoever tells a step. A thread that draws would be simpler to read
// and could not be: setns(2) into some namespaces is refused to a process with more than one thread.
#include "cmd/base/progress_line.hpp"

#include <fmt/format.h>
#include <unistd.h>

namespace ovl {

namespace {

// Most applies are over by then, and a line that flashes up is noise. Ten a second is as fast as anybody
// reads.
constexpr std::chrono::milliseconds kQuiet{1'000};
constexpr std::chrono::milliseconds kBetween{100};
constexpr std::string_view kEraseLine = "\r\x1b[K";  // ECMA-48: to the line's first column, erase to its end

}  // namespace

ProgressLine::ProgressLine(int fd, Now now) : fd_(fd), now_(std::move(now)) {}

void ProgressLine::tell(const StepProgress& step) {
  const std::chrono::milliseconds now = now_();
  // From the first step and not from the start of the program: what a person thought about at the question is
  // no time of the apply's.
  if (began_.count() < 0) began_ = now;
  const bool is_due = now - began_ >= kQuiet && (!shown_ || now - drawn_ >= kBetween);
  if (!is_due) return;
  drawn_ = now;
  const std::string far = step.total > 0 ? fmt::format(" {}/{}", step.done, step.total) : std::string();
  draw(fmt::format("ovl: {}{}, {} s", step.step, far,
                   std::chrono::duration_cast<std::chrono::seconds>(now - began_).count()));
}

void ProgressLine::erase() {
  if (shown_) draw({});
  shown_ = false;
}

// One write, so that nobody's line gets between. Whether a terminal takes it is no matter for the apply.
void ProgressLine::draw(const std::string& text) {
  // Without a line's end: the next drawing begins on the same one.
  const std::string bytes = std::string(kEraseLine) + text;
  shown_ = true;
  static_cast<void>(::write(fd_, bytes.data(), bytes.size()) < 0);
}

}  // namespace ovl
