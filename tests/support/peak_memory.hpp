// How much memory a run of the program takes at most.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>

#include "tests/support/shell.hpp"

namespace ovl::test {

// Sanitizers keep and need memory of their own: then what was built for release counts. Empty: nothing was.
inline std::string program_without_sanitizers() {
#ifdef __SANITIZE_ADDRESS__
  const std::string release = OVL_SOURCE_DIR "/build/release/ovl";
  return std::filesystem::exists(release) ? release : "";
#else
  return OVL_BINARY;
#endif
}

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
