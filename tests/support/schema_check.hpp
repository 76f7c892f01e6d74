// JSON held against the schemas of docs/schemas by a validator that is not ours.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace ovl::test {

// Whether python3-jsonschema is there.
inline bool has_schema_validator() {
  return std::system("/usr/bin/python3 -c 'import jsonschema' 2>/dev/null") == 0;
}

// Each file fits docs/schemas/NAME.schema.json. With `broken`, broken copies of it must not.
inline void expect_fits(const std::string& name, const std::vector<std::string>& files, bool broken = false) {
  std::string command = "/usr/bin/python3 " OVL_SOURCE_DIR "/tests/support/check_output.py";
  if (broken) command += " --broken";
  command += " " OVL_SOURCE_DIR "/docs/schemas/" + name + ".schema.json";
  for (const std::string& file : files) command += " '" + file + "'";
  const int status = std::system(command.c_str());
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << command;
}

}  // namespace ovl::test
