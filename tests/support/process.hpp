// Help for tests that need other processes and files of their own.
#pragma once

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include "model/base/result.hpp"

namespace ovl::test {

// Runs work in a forked child, which ends with 0 unless work failed an expectation. Answers its pid.
// The child ends with its parent, so that a failed test leaves nobody behind.
template <class Work>
pid_t fork_child(const Work& work) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  work();
  // Why not exit(): the parent's buffers and handlers are not the child's to run.
  ::_exit(::testing::Test::HasFailure() ? 1 : 0);
}

inline int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

// True when that child ended with 0.
inline bool child_succeeded(pid_t child) {
  const int status = wait_for(child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// A private directory of this test process, removed at the end. In memory where possible: what these
// tests prove does not depend on the disk, whose syncs would take most of their time.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    const bool memory = ::access("/dev/shm", W_OK) == 0;
    const std::filesystem::path base = memory ? "/dev/shm" : std::filesystem::temp_directory_path();
    std::string pattern = (base / "ovl-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = std::filesystem::canonical(pattern).string();
  }

  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// One way between two processes: the reader waits until a writer said something.
class Signal {
 public:
  Signal() {
    if (::pipe(ends_.data()) != 0) std::abort();
  }

  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  ~Signal() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }

  void send() const { EXPECT_EQ(::write(ends_[1], "x", 1), 1); }

  void wait() const {
    char byte = 0;
    EXPECT_EQ(::read(ends_[0], &byte, 1), 1);
  }

 private:
  std::array<int, 2> ends_{};
};

inline void write_file(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The permission bits of a file; 07777 when it is not there.
inline unsigned mode_of(const std::string& path) {
  struct stat about {};

  return ::lstat(path.c_str(), &about) == 0 ? about.st_mode & 07777U : 07777U;
}

inline bool exists(const std::string& path) {
  struct stat about {};

  return ::lstat(path.c_str(), &about) == 0;
}

// What a call gave; ends the test process with the error's text when it failed.
template <class T>
T must(Result<T> result) {
  if (!result.ok()) {
    ADD_FAILURE() << result.error().message;
    std::abort();
  }
  return std::move(result).value();
}

inline void must(Status status) {
  if (status.ok()) return;
  ADD_FAILURE() << status.error().message;
  std::abort();
}

}  // namespace ovl::test
