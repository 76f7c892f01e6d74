// Names of namespaces: nothing but a network namespace in the run directory is ever opened or entered.
#include "drivers/kernel/kinds/netns.hpp"

#include <sched.h>
#include <sys/mount.h>

#include <atomic>
#include <thread>

#include "tests/kernel/kernel_test.hpp"
#include "tests/support/process.hpp"

namespace ovl::test {

namespace {

class NamespaceDirectoryTest : public NetnsTest {
 protected:
  Errc refusal(const std::string& name) {
    auto opened = directory.open(netns(name));
    EXPECT_FALSE(opened.ok()) << name;
    return opened.ok() ? Errc::bug : opened.error().code;
  }

  static Status nothing() { return {}; }

  NamespaceDirectory directory{"/run/netns"};
};

std::uint64_t own_namespace() {
  struct stat info {};

  EXPECT_EQ(stat("/proc/thread-self/ns/net", &info), 0);
  return info.st_ino;
}

TEST_F(NamespaceDirectoryTest, OnlyNetworkNamespacesAreOpened) {
  must(
      "ip netns add real; cd /run/netns; ln -s real link; ln -s /proc/1/ns/net out; echo x > plain; mkdir "
      "dir; "
      "touch mnt; mount --bind /proc/self/ns/uts mnt; : > empty; chmod 0 empty");
  EXPECT_TRUE(directory.open(netns("real")).ok());
  for (const char* name : {"link", "out", "plain", "dir", "mnt"})
    EXPECT_EQ(refusal(name), Errc::conflict) << name;
  EXPECT_EQ(refusal("absent"), Errc::not_found);
  EXPECT_EQ(refusal("empty"), Errc::not_found);
  EXPECT_EQ(NamespaceDirectory("/run/nowhere").open(netns("x")).error().code, Errc::not_found);
}

TEST_F(NamespaceDirectoryTest, ASwappedNameNeverLeadsOut) {
  must(
      "ip netns add real; mkdir /run/netns/.d; ln -s /proc/1/ns/net /run/netns/.d/link; "
      "echo > /run/netns/.d/file; ln -s /proc/1/ns/net /run/netns/swap");
  std::atomic<bool> stop = false;
  std::thread swapper([&stop] {
    while (!stop) {
      (void)rename("/run/netns/.d/file", "/run/netns/swap");
      (void)symlink("/proc/1/ns/net", "/run/netns/.d/link2");
      (void)rename("/run/netns/.d/link2", "/run/netns/swap");
      write_text("/run/netns/.d/file", "x");
    }
  });
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(directory.open(netns("swap")).ok());
  stop = true;
  swapper.join();
}

TEST_F(NamespaceDirectoryTest, TheCallingThreadStaysWhereItIs) {
  const std::uint64_t here = own_namespace();
  std::uint64_t made = 0;
  ASSERT_TRUE(directory
                  .create(netns("a"),
                          [&made]() -> Status {
                            made = own_namespace();
                            return {};
                          })
                  .ok());
  const auto fd = directory.open(netns("a"));
  ASSERT_TRUE(fd.ok());
  const auto inside =
      run_in_namespace(fd.value().get(), []() -> Result<std::uint64_t> { return own_namespace(); });
  ASSERT_TRUE(inside.ok());
  EXPECT_EQ(inside.value(), made);
  EXPECT_NE(made, here);
  EXPECT_EQ(own_namespace(), here);
}

TEST_F(NamespaceDirectoryTest, ANameAppearsOnlyWhenItsNamespaceIsPrepared) {
  const auto failed = directory.create(netns("a"), []() -> Status {
    // A reader at this moment finds no namespace.
    EXPECT_EQ(NamespaceDirectory("/run/netns").open(netns("a")).error().code, Errc::not_found);
    return Error{.code = Errc::kernel, .message = "no"};
  });
  EXPECT_FALSE(failed.ok());
  EXPECT_EQ(must("ls /run/netns"), "");
}

TEST_F(NamespaceDirectoryTest, TheEmptyFileOfAKilledCreateIsTakenOver) {
  must(": > /run/netns/a; chmod 0 /run/netns/a; echo x > /run/netns/b");
  EXPECT_TRUE(directory.create(netns("a"), nothing).ok());
  EXPECT_TRUE(directory.open(netns("a")).ok());
  EXPECT_EQ(directory.create(netns("b"), nothing).error().code, Errc::conflict);
  EXPECT_EQ(read_text("/run/netns/b"), "x\n");
}

TEST_F(NamespaceDirectoryTest, OnlyTheEmptyFileOfAKilledCreateIsUnfinished) {
  must(
      "ip netns add real; cd /run/netns; : > empty; chmod 0 empty; ln -s empty link; : > readable; mkfifo "
      "pipe; "
      "chmod 0 pipe; mkdir dir; chmod 0 dir; echo x > full; chmod 0 full");
  EXPECT_TRUE(directory.is_unfinished(netns("empty")));
  for (const char* name : {"real", "link", "readable", "pipe", "dir", "full", "absent"})
    EXPECT_FALSE(directory.is_unfinished(netns(name))) << name;
}

TEST_F(NamespaceDirectoryTest, NamesReachAndLeaveOtherMountNamespaces) {
  ASSERT_TRUE(directory.create(netns("first"), nothing).ok());
  must("mkfifo /run/netns/.go /run/netns/.done");
  // A process in a mount namespace that receives what we mount.
  must(
      "timeout 20 unshare -m --propagation slave sh -c 'read x < /run/netns/.go; "
      "stat -f -c %T /run/netns/second > /run/netns/.done; read x < /run/netns/.go; "
      "ls /run/netns > /run/netns/.done' >/dev/null 2>&1 &");
  // Opening the pipe for writing waits until the reader, and so its mount namespace, is there.
  const UniqueFd go(open("/run/netns/.go", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(directory.create(netns("second"), nothing).ok());
  ASSERT_EQ(write(go.get(), "\n", 1), 1);
  EXPECT_EQ(read_text("/run/netns/.done"), "nsfs\n");
  ASSERT_TRUE(directory.remove(netns("second")).ok());
  const UniqueFd again(open("/run/netns/.go", O_WRONLY | O_CLOEXEC));
  ASSERT_EQ(write(again.get(), "\n", 1), 1);
  EXPECT_EQ(read_text("/run/netns/.done"), "first\n");
}

// As a service does that sees a file system of its own: what it mounts there, nobody else sees.
TEST_F(NamespaceDirectoryTest, NamesAreMountedWhereTheyAreWanted) {
  ASSERT_TRUE(directory.create(netns("first"), nothing).ok());
  const std::string here = "/proc/" + std::to_string(getpid()) + "/ns/mnt";
  const auto as_service = [](const auto& work) {
    return child_succeeded(fork_child([&] {
      ASSERT_EQ(unshare(CLONE_NEWNS), 0);
      ASSERT_EQ(mount("", "/", nullptr, MS_SLAVE | MS_REC, nullptr), 0);
      work();
    }));
  };
  EXPECT_TRUE(as_service([&] {
    const NamespaceDirectory outside("/run/netns", here);
    EXPECT_TRUE(outside.create(netns("second"), nothing).ok());
    EXPECT_TRUE(outside.open(netns("second")).ok());
  }));
  EXPECT_TRUE(directory.open(netns("second")).ok());
  EXPECT_TRUE(
      as_service([&] { EXPECT_TRUE(NamespaceDirectory("/run/netns", here).remove(netns("second")).ok()); }));
  EXPECT_EQ(must("ip netns list"), "first\n");
  EXPECT_TRUE(as_service([&] {
    EXPECT_TRUE(NamespaceDirectory("/run/netns").create(netns("third"), nothing).ok());
    EXPECT_TRUE(NamespaceDirectory("/run/netns").open(netns("third")).ok());
  }));
  EXPECT_EQ(directory.open(netns("third")).error().code, Errc::not_found);
  const Status nowhere = NamespaceDirectory("/run/netns", "/run/netns/none").create(netns("fourth"), nothing);
  EXPECT_NE(nowhere.error().message.find("/run/netns/none"), std::string::npos);
}

TEST_F(NamespaceDirectoryTest, IpNetnsCanDeleteOursAndWeItsOwn) {
  ASSERT_TRUE(directory.create(netns("ours"), nothing).ok());
  must("ip netns exec ours true; ip netns delete ours; ip netns add theirs");
  ASSERT_TRUE(directory.remove(netns("theirs")).ok());
  ASSERT_TRUE(directory.remove(netns("theirs")).ok());
  EXPECT_EQ(must("ip netns list"), "");
  EXPECT_TRUE(directory.list().value().empty());
  EXPECT_TRUE(NamespaceDirectory("/run/nowhere").list().value().empty());
}

}  // namespace

}  // namespace ovl::test
