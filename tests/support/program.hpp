// The program under test, run as a user runs it.
#pragma once

#include <string>

#include "tests/support/process.hpp"
#include "tests/support/shell.hpp"

namespace ovl::test {

// In a directory of its own, without a manifest. environment: "NAME=value" assignments.
inline Ran run_program(const std::string& arguments, const std::string& environment = {}) {
  const TemporaryDirectory here;
  return run_shell("cd " + here.path() + " && " + environment + " " OVL_BINARY " " + arguments);
}

}  // namespace ovl::test
