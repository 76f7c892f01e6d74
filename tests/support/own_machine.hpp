// The machine that a test changes is its own: /run and /var/lib are empty, and what is mounted there goes
// with the process. So tests run side by side, and none of them meets what another, or the machine's user,
// has made.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

namespace ovl::test {

// As root; others run where they stand.
inline void enter_own_machine() {
  if (::geteuid() != 0) return;
  ASSERT_EQ(::unshare(CLONE_NEWNS), 0) << std::strerror(errno);
  ASSERT_EQ(::mount("", "/", nullptr, MS_PRIVATE | MS_REC, nullptr), 0) << std::strerror(errno);
  for (const char* directory : {"/run", "/var/lib"}) {
    ASSERT_EQ(::mount("tmpfs", directory, "tmpfs", 0, "mode=0755"), 0) << directory;
  }
  for (const char* directory : {"/run/lock", "/run/netns"}) ASSERT_EQ(::mkdir(directory, 0755), 0);
}

// For programs whose every test needs it, before the first.
class OwnMachine : public ::testing::Environment {
 public:
  void SetUp() override { enter_own_machine(); }
};

}  // namespace ovl::test
