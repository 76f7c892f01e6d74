// What ovl writes for services, read by programs that are not ours.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "tests/support/process.hpp"

namespace ovl::test {

// 0: the reader of that format (tests/support/read_formats.py) takes the files; 77: it is not there.
inline int read_by_others(const std::string& format, const std::vector<std::string>& files) {
  std::string command = "/usr/bin/python3 " OVL_SOURCE_DIR "/tests/support/read_formats.py " + format;
  for (const std::string& file : files) command += " '" + file + "'";
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// The documents are taken; a reader that is missing skips the test.
inline void expect_read(const std::string& format, const std::vector<std::string>& documents) {
  const TemporaryDirectory directory;
  std::vector<std::string> files;
  for (const std::string& document : documents) {
    files.push_back(directory.file(std::to_string(files.size())));
    write_file(files.back(), document);
  }
  const int code = read_by_others(format, files);
  if (code == 77) GTEST_SKIP() << "no reader of " << format;
  EXPECT_EQ(code, 0) << documents.front().substr(0, 4000);
}

}  // namespace ovl::test
