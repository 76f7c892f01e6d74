// The lock of a host: one holder, told by name, gone with its process.
#include "state/host_lock.hpp"

#include <sched.h>
#include <sys/stat.h>

#include <csignal>

#include "tests/support/process.hpp"

namespace ovl::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class HostLockTest : public ::testing::Test {
 protected:
  [[nodiscard]] HostLockOptions options(milliseconds timeout = milliseconds{0}) const {
    return HostLockOptions{.run_directory = directory_.path(),
                           .command = "ovl apply",
                           .since = 1'700'000'000,
                           .timeout = timeout};
  }

  TemporaryDirectory directory_;
};

TEST_F(HostLockTest, NamesItsHolder) {
  const auto lock = must(lock_host(options()));
  const auto second = lock_host(options());
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, Errc::locked);
  const std::string wanted =
      "held by pid " + std::to_string(::getpid()) + " (ovl apply) since 2023-11-14T22:13:20Z";
  EXPECT_NE(second.error().message.find(wanted), std::string::npos) << second.error().message;
  EXPECT_FALSE(second.error().hint.empty());
  const auto holder = must(host_lock_holder(directory_.path()));
  ASSERT_TRUE(holder.has_value());
  EXPECT_EQ(holder->pid, ::getpid());
}

TEST_F(HostLockTest, IsFreeAgainWhenItIsDestroyed) {
  { const auto lock = must(lock_host(options())); }
  EXPECT_EQ(must(host_lock_holder(directory_.path())).has_value(), false);
  EXPECT_TRUE(lock_host(options()).ok());
}

TEST_F(HostLockTest, NobodyHoldsWhatIsNotThere) {
  EXPECT_EQ(must(host_lock_holder(directory_.path())).has_value(), false);
  EXPECT_FALSE(exists(directory_.file("ovl")));
}

TEST_F(HostLockTest, FilesArePrivateUnderAnyUmask) {
  for (const mode_t mask : {0U, 077U}) {
    ::umask(mask);
    const TemporaryDirectory directory;
    HostLockOptions wanted = options();
    wanted.run_directory = directory.path();
    const auto lock = must(lock_host(wanted));
    EXPECT_EQ(mode_of(directory.file("ovl")), 0700U);
    EXPECT_EQ(mode_of(lock.path()), 0600U);
  }
}

TEST_F(HostLockTest, SaysOnceWhomItWaitsFor) {
  const auto lock = must(lock_host(options()));
  std::vector<std::string> told;
  HostLockOptions wanted = options(milliseconds{300});
  wanted.waiting = [&](const std::string& held) { told.push_back(held); };
  EXPECT_FALSE(lock_host(wanted).ok());
  ASSERT_EQ(told.size(), 1U);
  EXPECT_NE(told.front().find("is held by pid "), std::string::npos) << told.front();
  EXPECT_NE(told.front().find("(ovl apply) since 2023-11-14T22:13:20Z"), std::string::npos) << told.front();
  wanted.timeout = milliseconds{0};
  EXPECT_FALSE(lock_host(wanted).ok());
  EXPECT_EQ(told.size(), 1U) << "nobody waits";
}

TEST_F(HostLockTest, WaitsNoLongerThanItsTimeout) {
  const auto lock = must(lock_host(options()));
  const auto before = steady_clock::now();
  EXPECT_FALSE(lock_host(options(milliseconds{300})).ok());
  const auto waited = steady_clock::now() - before;
  EXPECT_GE(waited, milliseconds{300});
  EXPECT_LT(waited, milliseconds{3000});
}

TEST_F(HostLockTest, AKilledHolderLetsGoAndTheWaiterGetsItAtOnce) {
  const Signal held;
  const pid_t child = fork_child([&] {
    const auto lock = must(lock_host(options()));
    held.send();
    ::pause();
  });
  held.wait();
  ASSERT_FALSE(lock_host(options()).ok());
  const pid_t killer = fork_child([&] { EXPECT_EQ(::kill(child, SIGKILL), 0); });
  const auto before = steady_clock::now();
  const auto lock = lock_host(options(milliseconds{20'000}));
  EXPECT_TRUE(lock.ok());
  EXPECT_LT(steady_clock::now() - before, milliseconds{5000});
  wait_for(child);
  EXPECT_TRUE(child_succeeded(killer));
}

TEST_F(HostLockTest, AStoppedHolderKeepsIt) {
  const Signal held;
  const pid_t child = fork_child([&] {
    const auto lock = must(lock_host(options()));
    held.send();
    ::pause();
  });
  held.wait();
  ASSERT_EQ(::kill(child, SIGSTOP), 0);
  EXPECT_FALSE(lock_host(options(milliseconds{200})).ok());
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  wait_for(child);
}

// Processes take turns; the file shows that no two were inside at once.
TEST_F(HostLockTest, OnlyOneIsInside) {
  const std::string inside = directory_.file("inside");
  std::vector<pid_t> children;
  for (int who = 0; who < 4; ++who) {
    children.push_back(fork_child([&] {
      for (int i = 0; i < 25; ++i) {
        const auto lock = lock_host(options(milliseconds{30'000}));
        ASSERT_TRUE(lock.ok());
        ASSERT_EQ(::mkdir(inside.c_str(), 0700), 0);
        ASSERT_EQ(::rmdir(inside.c_str()), 0);
      }
    }));
  }
  for (const pid_t child : children) EXPECT_TRUE(child_succeeded(child));
}

TEST_F(HostLockTest, EachNetworkNamespaceHasItsOwn) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs CAP_SYS_ADMIN";
  const auto lock = must(lock_host(options()));
  const pid_t child = fork_child([&] {
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
    EXPECT_TRUE(lock_host(options()).ok());
  });
  EXPECT_TRUE(child_succeeded(child));
}

TEST_F(HostLockTest, ASignalEndsTheWait) {
  const auto lock = must(lock_host(options()));

  struct sigaction action {};

  action.sa_handler = [](int) {};
  ASSERT_EQ(::sigaction(SIGUSR1, &action, nullptr), 0);
  const pid_t parent = ::getpid();
  // A signal before the wait began would be lost: it comes again until the wait is over.
  const pid_t child = fork_child([&] {
    while (::kill(parent, SIGUSR1) == 0 && ::getppid() == parent) ::usleep(20'000);
  });
  const auto refused = lock_host(options(milliseconds{20'000}));
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  wait_for(child);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::interrupted);
}

TEST_F(HostLockTest, LinksAndOtherFilesInTheWayAreRefused) {
  std::string path;
  { path = must(lock_host(options())).path(); }
  ASSERT_EQ(::unlink(path.c_str()), 0);
  ASSERT_EQ(::symlink(directory_.file("victim").c_str(), path.c_str()), 0);
  EXPECT_EQ(lock_host(options()).error().code, Errc::io);
  EXPECT_FALSE(exists(directory_.file("victim")));
  ASSERT_EQ(::unlink(path.c_str()), 0);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(lock_host(options()).error().code, Errc::io);
  ASSERT_EQ(::unlink(path.c_str()), 0);
  ASSERT_EQ(::rename(directory_.file("ovl").c_str(), directory_.file("real").c_str()), 0);
  ASSERT_EQ(::symlink("real", directory_.file("ovl").c_str()), 0);
  EXPECT_EQ(lock_host(options()).error().code, Errc::io);
}

TEST_F(HostLockTest, AHolderThatWroteNonsenseIsAnotherProcess) {
  const auto lock = must(lock_host(options()));
  for (const char* text : {"", "not json", "{}", "{\"pid\":\"1\",\"command\":2,\"since\":[]}"}) {
    write_file(lock.path(), text);
    const auto second = lock_host(options());
    ASSERT_FALSE(second.ok());
    EXPECT_NE(second.error().message.find("held by another process"), std::string::npos) << text;
  }
  write_file(lock.path(), "{\"pid\":7,\"command\":\"a\\u001b[2Jb\",\"since\":0}");
  EXPECT_EQ(lock_host(options()).error().message.find('\x1b'), std::string::npos);
}

}  // namespace

}  // namespace ovl::test
