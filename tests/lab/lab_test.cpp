// A lab on this kernel: what is inside, what it keeps apart, and that nothing of it stays.
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include <set>

#include "tests/lab/lab_fixture.hpp"
#include "tests/support/effort.hpp"

namespace ovl::test {

namespace {

TEST_F(LabTest, HostsHaveTheirOwnNames) {
  expect_up("/lab", two_hosts());
  expect_output("/lab", "alpha", "hostname", "alpha\n");
  expect_output("/lab", "beta", "hostname", "beta\n");
  expect_output("/lab", "outside", "hostname", "outside\n");
}

TEST_F(LabTest, HostsReachEachOtherAndTheOutside) {
  expect_up("/lab", two_hosts());
  expect_ping("/lab", "alpha", "192.168.99.105");
  expect_ping("/lab", "beta", "192.168.99.104");
  expect_ping("/lab", "alpha", "203.0.113.1");
  expect_ping("/lab", "outside", "192.168.99.105");
}

TEST_F(LabTest, TheUnderlayInterfaceIsEth1AndSysShowsIt) {
  expect_up("/lab", two_hosts());
  expect_output("/lab", "alpha", "ls /sys/class/net", "eth1\nlo\n");
  expect_output("/lab", "alpha", "ip -4 -brief address show eth1 | awk '{ print $3 }'",
                "192.168.99.104/24\n");
  expect_output("/lab", "alpha", "ip route show default",
                "default via 192.168.99.1 dev eth1 proto static \n");
}

TEST_F(LabTest, SubnetsAreJoinedByTheRouter) {
  expect_up("/lab", plan(manifest_of({host_block("alpha", "10.1.1.1"), host_block("beta", "10.1.2.7")})));
  expect_output("/lab", "alpha", "ip route show default", "default via 10.1.1.2 dev eth1 proto static \n");
  expect_ping("/lab", "alpha", "10.1.2.7");
  const Ran direct = run("/lab", "alpha", "ping -c 1 -W 5 -t 1 10.1.2.7");
  EXPECT_NE(direct.status, 0) << "no router between them: " << direct.output;
}

TEST_F(LabTest, Ipv6Underlay) {
  if (!std::filesystem::exists("/proc/sys/net/ipv6")) GTEST_SKIP() << "kernel lacks IPv6";
  expect_up("/lab", plan(manifest_of({host_block("alpha", "fd00:99::a"), host_block("beta", "fd00:99::b"),
                                      host_block("gamma", "fd00:98::1")})));
  expect_ping("/lab", "alpha", "fd00:99::b");
  expect_ping("/lab", "alpha", "fd00:98::1");
  expect_ping("/lab", "gamma", "2001:db8:cb00:7100::1");
}

TEST_F(LabTest, AnAdvertisedInterfaceExistsWithAnAddress) {
  expect_up("/lab", plan(manifest_of({host_block("alpha", "uplink0"), host_block("beta", "192.168.99.2")})));
  expect_output("/lab", "alpha", "ls /sys/class/net", "lo\nuplink0\n");
  expect_output("/lab", "alpha", "ip -4 -brief address show uplink0 | awk '{ print $3 }'",
                "192.168.99.3/24\n");
  expect_ping("/lab", "alpha", "192.168.99.2");
}

TEST_F(LabTest, HostsKeepTheirFilesToThemselves) {
  expect_up("/lab", two_hosts());
  for (const char* directory : {"/run", "/etc/netns", "/var/lib/ovl"}) {
    const std::string file = std::string(directory) + "/mine";
    EXPECT_EQ(run("/lab", "alpha", "echo alpha > " + file).status, 0);
    expect_output("/lab", "alpha", "cat " + file, "alpha\n");
    EXPECT_NE(run("/lab", "beta", "cat " + file).status, 0) << directory;
    EXPECT_FALSE(std::filesystem::exists(file)) << "on the machine: " << file;
  }
  expect_output("/lab", "alpha", "ls /run", "mine\n");
}

// A mount is detached in every mount namespace when its mount point is removed in one.
TEST_F(LabTest, HostsKeepTheirFilesWhateverIsRemovedOutside) {
  own_etc();
  std::filesystem::create_directories("/var/lib/ovl/old");
  expect_up("/lab", two_hosts());
  for (const char* directory : {"/etc/netns", "/var/lib/ovl"}) {
    const std::string place = directory;
    EXPECT_EQ(run("/lab", "alpha", "echo alpha > " + place + "/mine").status, 0);
    std::filesystem::remove_all(place);
    std::filesystem::create_directories(place);
    write_file(place + "/theirs", "the machine's");
    expect_output("/lab", "alpha", "cat " + place + "/mine; ls " + place + " | grep -v keystore.db",
                  "alpha\nmine\n");
    expect_output("/lab", "alpha", "echo more > " + place + "/more && cat " + place + "/more", "more\n");
    expect_output("/lab", "beta", "ls " + place + " | grep -v keystore.db; true", "");
    EXPECT_EQ(tree(place), (std::vector<std::string>{place + "/theirs"}));
  }
}

TEST_F(LabTest, WhatTheMachineHasIsSeenAndNotChanged) {
  own_etc();
  write_file("/etc/plain", "the machine's\n");
  write_file("/etc/hostname-of-all", "");
  TemporaryDirectory place;
  write_file(place.file("bound"), "bound\n");
  ASSERT_EQ(mount(place.file("bound").c_str(), "/etc/hostname-of-all", nullptr, MS_BIND, nullptr), 0);
  std::filesystem::create_directories("/var/lib/with space/below");
  ASSERT_EQ(mount(place.path().c_str(), "/var/lib/with space", nullptr, MS_BIND, nullptr), 0);
  expect_up("/lab", two_hosts());
  expect_output("/lab", "alpha", "cat /etc/plain /etc/hostname-of-all '/var/lib/with space/bound'",
                "the machine's\nbound\nbound\n");
  expect_output("/lab", "alpha", "echo alpha >/etc/plain; mkdir /var/lib/made; cat /etc/plain", "alpha\n");
  EXPECT_EQ(contents("/etc/plain"), "the machine's\n");
  EXPECT_FALSE(std::filesystem::exists("/var/lib/made"));
  expect_output("/lab", "beta", "cat /etc/plain", "the machine's\n");
}

TEST_F(LabTest, NothingIsRunWhereAHostHasLostItsFiles) {
  TemporaryDirectory place;
  Manifest manifest = manifest_of({host_block("alpha", "192.168.99.104")});
  manifest.keystore.url.value = "sqlite://" + place.path() + "/store.db";
  expect_up("/lab", plan(manifest));
  expect_output("/lab", "alpha", "echo run", "run\n");
  const LabEntry lab = entry("/lab");
  // One of its own directories, which only who is inside can take away.
  const pid_t breaker = start_inside("/lab", "outside", [] { EXPECT_EQ(umount2("/run", MNT_DETACH), 0); });
  EXPECT_TRUE(child_succeeded(breaker));
  EXPECT_TRUE(child_succeeded(fork_child([&] {
    const Status entered = labs_.enter(lab, node(lab, "outside"));
    ASSERT_FALSE(entered.ok());
    EXPECT_TRUE(entered.error().message.starts_with("outside: /run is no longer")) << entered.error().message;
  })));
  std::filesystem::remove(place.path() + "/store.db");
  write_file(place.path() + "/store.db", "the machine's");
  EXPECT_TRUE(child_succeeded(fork_child([&] {
    const Status entered = labs_.enter(lab, node(lab, "alpha"));
    ASSERT_FALSE(entered.ok());
    EXPECT_EQ(entered.error().code, Errc::conflict);
    EXPECT_EQ(
        entered.error().message,
        "alpha: " + place.path() +
            "/store.db is no longer the lab's: somebody outside of it has removed the place that it was "
            "mounted on");
  })));
}

TEST_F(LabTest, NamespacesMadeInsideAreNotTheMachines) {
  expect_up("/lab", two_hosts());
  EXPECT_EQ(run("/lab", "alpha", "ip netns add web && ip -netns web link set lo up").status, 0);
  expect_output("/lab", "alpha", "ip netns list", "web\n");
  expect_output("/lab", "beta", "ip netns list", "");
  EXPECT_FALSE(std::filesystem::exists("/run/netns/web"));
}

TEST_F(LabTest, CommandsStandWhereTheyStood) {
  expect_up("/lab", two_hosts());
  TemporaryDirectory here;
  std::filesystem::current_path(here.path());
  expect_output("/lab", "alpha", "pwd", here.path() + "\n");
  std::filesystem::current_path("/");
}

TEST_F(LabTest, DownLeavesNothing) {
  const Traces before = traces();
  expect_up("/lab", two_hosts());
  EXPECT_NE(traces(), before);
  EXPECT_EQ(run("/lab", "alpha", "ip netns add web && ip -netns web link set lo up").status, 0);
  const auto removed = labs_.down("/lab");
  ASSERT_TRUE(removed.ok()) << removed.error().message;
  EXPECT_TRUE(removed.value());
  const Traces after = traces();
  EXPECT_EQ(after.mounts, before.mounts);
  EXPECT_EQ(after.run, before.run);
  EXPECT_EQ(after.devices, before.devices);
}

TEST_F(LabTest, UpChangesNothingOutsideOfItself) {
  const Traces before = traces();
  expect_up("/lab", two_hosts());
  EXPECT_EQ(traces().devices, before.devices);
}

TEST_F(LabTest, UpTwiceSaysSo) {
  expect_up("/lab", two_hosts());
  const std::string before = mounts();
  const auto again = up("/lab", two_hosts());
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_FALSE(again.value());
  EXPECT_EQ(mounts(), before);
  expect_output("/lab", "alpha", "hostname", "alpha\n");
}

TEST_F(LabTest, AnotherPlanForALabThatIsUpIsRefused) {
  expect_up("/lab", two_hosts());
  const auto other = up("/lab", plan(manifest_of({host_block("alpha", "192.168.99.7")})));
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().code, Errc::conflict);
  expect_output("/lab", "beta", "hostname", "beta\n");
}

TEST_F(LabTest, DownTwiceIsFine) {
  expect_up("/lab", two_hosts());
  ASSERT_TRUE(labs_.down("/lab").ok());
  const auto again = labs_.down("/lab");
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_FALSE(again.value());
}

TEST_F(LabTest, LabsStandSideBySide) {
  const Traces before = traces();
  expect_up("/one", two_hosts());
  expect_up("/two", two_hosts());
  EXPECT_EQ(run("/one", "alpha", "echo one > /run/lab; ip link set eth1 down").status, 0);
  EXPECT_NE(run("/two", "alpha", "cat /run/lab").status, 0);
  expect_ping("/two", "alpha", "192.168.99.105");
  ASSERT_TRUE(labs_.down("/one").ok());
  expect_ping("/two", "beta", "192.168.99.104");
  ASSERT_TRUE(labs_.down("/two").ok());
  EXPECT_EQ(traces(), before);
}

// ---- processes -------------------------------------------------------------------------------------

// Starts a command inside and waits until it has said "ready".
class LabProcess {
 public:
  LabProcess(pid_t pid, UniqueFd reader) : pid_(pid), fd_(std::move(reader)) {
    char byte = 0;
    EXPECT_EQ(read(fd_.get(), &byte, 1), 1);
  }

  // True once every process that has the pipe open is gone.
  bool is_gone() {
    char byte = 0;
    const bool end = read(fd_.get(), &byte, 1) == 0;
    (void)wait_for(pid_);
    return end;
  }

 private:
  pid_t pid_;
  UniqueFd fd_;
};

class LabProcessTest : public LabTest {
 protected:
  [[nodiscard]] LabProcess start(const std::string& name, const std::string& command) const {
    std::array<int, 2> ends{};
    EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
    const pid_t child = start_inside("/lab", name, [&] {
      dup2(ends[1], STDOUT_FILENO);
      (void)replace_process({"/bin/sh", "-c", command});
    });
    UniqueFd(ends[1]).reset();
    return {child, UniqueFd(ends[0])};
  }
};

TEST_F(LabProcessTest, DownEndsWhatRunsInside) {
  expect_up("/lab", two_hosts());
  LabProcess plain = start("alpha", "echo; exec tail -f /dev/null");
  LabProcess daemon = start("beta", "setsid sh -c 'echo; exec tail -f /dev/null' & exit 0");
  LabProcess nested =
      start("alpha", "ip netns add web; ip netns exec web sh -c 'echo; exec tail -f /dev/null'");
  ASSERT_TRUE(labs_.down("/lab").ok());
  EXPECT_TRUE(plain.is_gone());
  EXPECT_TRUE(daemon.is_gone());
  EXPECT_TRUE(nested.is_gone());
}

TEST_F(LabProcessTest, DownEndsWhatIgnoresSigterm) {
  expect_up("/lab", two_hosts());
  LabProcess stubborn = start("alpha", "trap '' TERM; echo; while :; do read x < /dev/zero; done");
  ASSERT_TRUE(labs_.down("/lab").ok());
  EXPECT_TRUE(stubborn.is_gone());
}

TEST_F(LabProcessTest, ProcessesAreCountedWhereTheyAre) {
  expect_up("/lab", two_hosts());
  LabProcess one = start("beta", "echo; exec tail -f /dev/null");
  const auto counts = labs_.count_processes(entry("/lab"));
  ASSERT_TRUE(counts.ok());
  EXPECT_EQ(counts.value(), (std::vector<std::size_t>{0, 1, 0, 0, 0}));
  ASSERT_TRUE(labs_.down("/lab").ok());
  EXPECT_TRUE(one.is_gone());
}

// ---- the keystore ----------------------------------------------------------------------------------

TEST_F(LabTest, TheKeystoreFileIsOneForAllHosts) {
  expect_up("/lab", two_hosts());
  EXPECT_EQ(run("/lab", "alpha", "echo shared > /var/lib/ovl/keystore.db").status, 0);
  expect_output("/lab", "beta", "cat /var/lib/ovl/keystore.db", "shared\n");
  EXPECT_FALSE(std::filesystem::exists("/var/lib/ovl/keystore.db"));
}

TEST_F(LabTest, AKeystoreElsewhereLeavesTheMachineAsItWas) {
  TemporaryDirectory place;
  Manifest manifest = manifest_of({host_block("alpha", "192.168.99.104"), host_block("beta", "eth7")});
  manifest.keystore.url.value = "sqlite://" + place.path() + "/deep/er/store.db";
  std::ofstream(place.path() + "/theirs") << "kept";
  const auto before = tree(place.path());
  expect_up("/lab", plan(manifest));
  EXPECT_EQ(run("/lab", "alpha", "echo shared > " + place.path() + "/deep/er/store.db").status, 0);
  expect_output("/lab", "beta", "cat " + place.path() + "/deep/er/store.db", "shared\n");
  expect_output("/lab", "beta", "cat " + place.path() + "/theirs", "kept");
  ASSERT_TRUE(labs_.down("/lab").ok());
  EXPECT_EQ(tree(place.path()), before);
}

TEST_F(LabTest, AKeystoreOfTheMachineIsNotTouched) {
  TemporaryDirectory place;
  const std::string path = place.path() + "/store.db";
  std::ofstream(path) << "the machine's";
  Manifest manifest = manifest_of({host_block("alpha", "192.168.99.104")});
  manifest.keystore.url.value = "sqlite://" + path;
  expect_up("/lab", plan(manifest));
  EXPECT_EQ(run("/lab", "alpha", "echo the lab > " + path).status, 0);
  ASSERT_TRUE(labs_.down("/lab").ok());
  EXPECT_EQ(contents(path), "the machine's");
}

// ---- crashes ---------------------------------------------------------------------------------------

class LabCrashTest : public LabTest {
 protected:
  // up() in a child that is killed before its n-th step. Answers false once there is no n-th step.
  [[nodiscard]] bool crash_before_step(int n) const {
    const LabPlan plan = two_hosts();
    const pid_t child = fork_child([&] {
      int step = 0;
      (void)up("/lab", plan, [&](std::string_view) {
        if (step++ == n) raise(SIGKILL);
      });
    });
    return WIFSIGNALED(wait_for(child));
  }

  // Kills the child unless it ends first; answers whether it was killed.
  static bool kill_after(std::chrono::microseconds moment, pid_t child) {
    const UniqueFd ended(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
    pollfd waiting{.fd = ended.get(), .events = POLLIN, .revents = 0};
    const timespec patience{.tv_sec = 0, .tv_nsec = moment.count() * 1000};
    if (ppoll(&waiting, 1, &patience, nullptr) == 0) {
      EXPECT_EQ(kill(child, SIGKILL), 0);
    }
    return WIFSIGNALED(wait_for(child));
  }
};

TEST_F(LabCrashTest, TheNextDownCleansUpAfterAnyStep) {
  const Traces before = traces();
  int step = 0;
  while (crash_before_step(step)) {
    ASSERT_TRUE(labs_.down("/lab").ok());
    EXPECT_EQ(traces(), before) << "killed before step " << step;
    ++step;
  }
  EXPECT_GT(step, 10);
}

TEST_F(LabCrashTest, TheNextUpGoesOnAfterAnyStep) {
  const Traces before = traces();
  int step = 0;
  while (crash_before_step(step)) {
    expect_up("/lab", two_hosts());
    expect_output("/lab", "beta", "hostname", "beta\n");
    ASSERT_TRUE(labs_.down("/lab").ok());
    EXPECT_EQ(traces(), before) << "killed before step " << step;
    ++step;
  }
  EXPECT_GT(step, 10);
}

// Also inside a step: wherever some moments, spread over the time that up() takes, happen to be.
TEST_F(LabCrashTest, TheNextDownCleansUpAfterAnyMoment) {
  const Traces before = traces();
  const LabPlan plan = two_hosts();
  int killed = 0;
  for (int milliseconds = 0; milliseconds < 40; milliseconds += effort(1, 3)) {
    const pid_t child = fork_child([&] { (void)up("/lab", plan); });
    killed += kill_after(std::chrono::milliseconds(milliseconds), child) ? 1 : 0;
    const auto cleaned = labs_.down("/lab");
    ASSERT_TRUE(cleaned.ok()) << cleaned.error().message;
    EXPECT_EQ(traces(), before) << "killed after " << milliseconds << " ms";
  }
  EXPECT_GT(killed, 0);
}

TEST_F(LabCrashTest, TheNextUpGoesOnAfterAnyMomentOfDown) {
  const Traces before = traces();
  for (int half_milliseconds = 0; half_milliseconds < 30; half_milliseconds += effort(1, 3)) {
    expect_up("/lab", two_hosts());
    kill_after(std::chrono::microseconds(half_milliseconds * 500),
               fork_child([&] { (void)labs_.down("/lab"); }));
    // Up already, when down had not begun.
    ASSERT_TRUE(up("/lab", two_hosts()).ok());
    expect_output("/lab", "beta", "hostname", "beta\n");
    ASSERT_TRUE(labs_.down("/lab").ok());
    EXPECT_EQ(traces(), before) << "killed after " << half_milliseconds << " half milliseconds";
  }
}

TEST_F(LabCrashTest, AFailureLeavesNothing) {
  const Traces before = traces();
  Manifest manifest = manifest_of({host_block("alpha", "192.168.99.104")});
  // No node can have a file where the machine has a directory.
  manifest.keystore.url.value = "sqlite:///etc/netns";
  const auto failed = up("/lab", plan(manifest));
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(traces(), before);
}

}  // namespace

}  // namespace ovl::test
