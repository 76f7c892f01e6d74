// NetnsTest: a test inside a network and mount namespace of its own, with private /run/netns and
// /etc/netns. Nothing it does reaches the machine's own network. Skipped without root.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

namespace ovl::test {

struct ShellResult {
  int status = -1;     // exit code
  std::string output;  // stdout and stderr
};

// Runs a shell command in the calling thread's namespaces.
inline ShellResult shell(const std::string& command) {
  ShellResult result;
  FILE* pipe = popen(("{ " + command + "\n} 2>&1").c_str(), "r");
  if (pipe == nullptr) return result;
  std::array<char, 4096> buffer{};
  while (const std::size_t size = fread(buffer.data(), 1, buffer.size(), pipe)) {
    result.output.append(buffer.data(), size);
  }
  const int status = pclose(pipe);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  return result;
}

inline std::string read_text(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

inline void write_text(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

// Asks again until done() says so or the time is over; whether it did.
template <class Done>
bool wait_until(Done done, std::chrono::milliseconds limit = std::chrono::seconds(10)) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    usleep(2000);
  }
  return true;
}

class NetnsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) {
      GTEST_SKIP() << "unshare(CLONE_NEWNET | CLONE_NEWNS): " << strerror(errno);
    }
    ASSERT_EQ(mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0) << strerror(errno);
    for (const char* directory : {"/run/netns", "/etc/netns"}) make_private(directory);
    ASSERT_EQ(shell("ip link set lo up").status, 0);
  }

  // An empty directory that only this test sees.
  static void make_private(const char* directory) {
    ASSERT_TRUE(mkdir(directory, 0755) == 0 || errno == EEXIST) << directory << ": " << strerror(errno);
    ASSERT_EQ(mount("tmpfs", directory, "tmpfs", 0, "mode=0755"), 0) << directory << ": " << strerror(errno);
  }

  // A command that has to succeed; its output.
  static std::string must(const std::string& command) {
    const ShellResult result = shell(command);
    EXPECT_EQ(result.status, 0) << command << "\n" << result.output;
    return result.output;
  }
};

}  // namespace ovl::test
