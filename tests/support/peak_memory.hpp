// How much memory a run of the program takes at most.
#pragma once

#include <cstdlib>
#include <sstream>
#include <string>

#include "tests/support/shell.hpp"

namespace ovl::test {

struct Peak {
  long kilobytes = 0;
  int code = -1;
  std::string out;  // when it could not be measured, and what it wrote to stderr
};

// A shell command. Why not wait4() here: what a child is told includes what this program had at its fork.
inline Peak peak_of(const std::string& command) {
  Peak peak;
  peak.out = run_shell("python3 " OVL_SOURCE_DIR "/tests/support/peak_memory.py " + command).out;
  const auto last = peak.out.find_last_of('\n', peak.out.size() - 2);
  std::istringstream(last == std::string::npos ? peak.out : peak.out.substr(last + 1)) >> peak.kilobytes >>
      peak.code;
  return peak;
}

}  // namespace ovl::test
