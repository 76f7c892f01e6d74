// The program under test, run as a user runs it.
#pragma once

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <string>

#include "tests/support/process.hpp"

namespace ovl::test {

struct Ran {
  bool ok = false;
  std::string out;  // stdout and stderr
};

// In a directory of its own, without a manifest. environment: "NAME=value" assignments.
inline Ran run_program(const std::string& arguments, const std::string& environment = {}) {
  const TemporaryDirectory here;
  const std::string command =
      "cd " + here.path() + " && " + environment + " " OVL_BINARY " " + arguments + " 2>&1";
  Ran ran;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return ran;
  std::array<char, 4096> buffer{};
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    ran.out.append(buffer.data(), count);
  }
  ran.ok = ::pclose(pipe) == 0;
  return ran;
}

}  // namespace ovl::test
