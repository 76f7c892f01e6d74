// Shell commands of tests.
#pragma once

#include <array>
#include <cstdio>
#include <string>

namespace ovl::test {

// What a shell command printed, and whether it succeeded.
struct Ran {
  bool ok = false;
  std::string out;  // stdout and stderr
};

inline Ran run_shell(const std::string& command) {
  Ran ran;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return ran;
  std::array<char, 4096> buffer{};
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    ran.out.append(buffer.data(), count);
  }
  ran.ok = ::pclose(pipe) == 0;
  return ran;
}

}  // namespace ovl::test
