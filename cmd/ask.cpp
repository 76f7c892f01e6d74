#include "cmd/ask.hpp"

#include <unistd.h>

#include <iostream>
#include <string>

namespace ovl {

// Only a person at a terminal can be asked.
Status ask_for_consent() {
  if (isatty(STDIN_FILENO) != 1) {
    return Error{.code = Errc::usage,
                 .message = "there is no terminal to ask on; nothing was done",
                 .hint = "apply a saved plan, or say --auto-approve"};
  }
  std::cout << "\nMake these changes? Only \"yes\" is taken as consent: " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == "yes") return {};
  return Error{.code = Errc::interrupted, .message = "not approved; nothing was done"};
}

}  // namespace ovl
