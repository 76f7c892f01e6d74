// The question is asked before anything is locked, so that who thinks about it keeps nobody waiting; see
// SeenPlan for what is compared afterwards.
#include "cmd/base/ask.hpp"

#include <poll.h>
#include <unistd.h>

#include <iostream>
#include <string>

#include "cmd/base/interrupt.hpp"

namespace ovl {

namespace {

// Waits for an answer on the terminal. False: the user wants the command to end.
bool is_answered() {
  for (;;) {
    pollfd entries[] = {{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0},
                        {.fd = interrupt_fd(), .events = POLLIN, .revents = 0}};
    // Both at once: a read(2) alone would be begun again after the signal (SA_RESTART), and Ctrl-C would do
    // nothing.
    const int ready = ::poll(entries, 2, -1);
    if (interrupted()) return false;
    if (ready > 0 && entries[0].revents != 0) return true;
  }
}

}  // namespace

// Only a person at a terminal can be asked.
Status ask_for_consent() {
  // "yes" out of a pipe is a script's word, and scripts have --auto-approve, which can be found in them.
  if (isatty(STDIN_FILENO) != 1) {
    return Error{.code = Errc::usage,
                 .message = "there is no terminal to ask on; nothing was done",
                 .hint = "apply a saved plan, or say --auto-approve"};
  }
  std::cout << "\nMake these changes? Only \"yes\" is taken as consent: " << std::flush;
  if (!is_answered()) {
    std::cout << "\n";
    return Error{.code = Errc::interrupted, .message = "interrupted at the question: nothing was changed"};
  }
  std::string answer;
  std::getline(std::cin, answer);
  // The whole word: a "y" is typed before the plan is read.
  if (answer == "yes") return {};
  return Error{.code = Errc::interrupted, .message = "not approved; nothing was done"};
}

}  // namespace ovl
