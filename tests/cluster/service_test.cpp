// ovl sync as a service of systemd: what its manager and its journal are told.
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "model/base/handle.hpp"
#include "tests/cluster/hooks_rig.hpp"

namespace ovl {

namespace {

// A service that says nothing but that it lives, forty times a second, is not listened to for ever.
constexpr int kMostTold = 2000;

class Service : public HooksRig {
 protected:
  void SetUp() override {
    HooksRig::SetUp();
    fd_ = UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, file("notify").c_str(), sizeof(address.sun_path) - 1);
    ASSERT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    const timeval limit{.tv_sec = 30, .tv_usec = 0};
    ASSERT_EQ(::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
  }

  void TearDown() override {
    if (!pid_.empty()) end();
  }

  // stderr is a file that JOURNAL_STREAM names, as it names the journal's socket.
  void start() {
    const std::string command = fmt::format(
        "cd {0} && : >log && export NOTIFY_SOCKET={0}notify WATCHDOG_USEC=100000 "
        "JOURNAL_STREAM=$(stat -c %d:%i log) && "
        "HOME={0}home {1} --state-dir {0}state sync --repo file://{0}hub.git --ref main net --scope cluster "
        "--keystore {2} --interval 100ms >log 2>&1 & echo $!",
        file(""), OVL_BINARY, store());
    const Ran ran = shell(command);
    pid_ = ran.out.substr(0, ran.out.find('\n'));
  }

  void end() {
    shell("kill " + pid_ + "; while [ -e /proc/" + pid_ + "/exe ]; do :; done");
    pid_.clear();
  }

  // The next thing that the manager is told; empty after half a minute of silence.
  [[nodiscard]] std::string next() const {
    std::string out(4096, '\0');
    const ssize_t size = ::recv(fd_.get(), out.data(), out.size(), 0);
    out.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return out;
  }

  // What it is told up to `wanted`, and with it.
  [[nodiscard]] std::string up_to(const std::string& wanted) const {
    std::string out;
    for (int count = 0; count < kMostTold; ++count) {
      const std::string told = next();
      out += told + "\n";
      if (told == wanted || told.empty()) break;
    }
    return out;
  }

  [[nodiscard]] std::string log() const { return shell("cat " + file("log")).out; }

 private:
  UniqueFd fd_;
  std::string pid_;
};

}  // namespace

TEST_F(Service, IsReadyWithItsFirstApplyAndAliveFromThenOn) {
  write("[network.one]\nprotect = true\n");
  commit("one");
  ASSERT_EQ(push().code, 0);
  start();
  const std::string before = up_to("READY=1");
  EXPECT_NE(before.find("EXTEND_TIMEOUT_USEC="), std::string::npos) << before;
  EXPECT_NE(networks().find("one"), std::string::npos) << before;
  EXPECT_NE(up_to("STATUS=generation 1").find("STATUS=generation 1"), std::string::npos);
  EXPECT_NE(up_to("WATCHDOG=1").find("WATCHDOG=1"), std::string::npos);
  write("");
  commit("without");
  ASSERT_EQ(push().code, 0);
  std::string told = next();
  for (int i = 0; i < kMostTold && (told.starts_with("WATCHDOG") || told.starts_with("EXTEND")); ++i)
    told = next();
  EXPECT_NE(told.find("STATUS="), std::string::npos) << told;
  EXPECT_NE(told.find("protected"), std::string::npos) << told;
  end();
  EXPECT_NE(up_to("STOPPING=1").find("STOPPING=1"), std::string::npos);
}

TEST_F(Service, TellsItsJournalWhatChangedAndHowGraveItIs) {
  write("[network.one]\nprotect = true\n");
  commit("one");
  ASSERT_EQ(push().code, 0);
  start();
  ASSERT_NE(up_to("STATUS=generation 1"), "");
  write("");
  commit("without");
  ASSERT_EQ(push().code, 0);
  std::string told = next();
  for (int i = 0; i < kMostTold && told.find("protected") == std::string::npos; ++i) told = next();
  end();
  const std::string said = log();
  EXPECT_NE(said.find("<6>following main of file://"), std::string::npos) << said;
  EXPECT_NE(said.find("<6>create network.one: absent\n"), std::string::npos) << said;
  EXPECT_NE(said.find("<5>generation 1: "), std::string::npos) << said;
  EXPECT_NE(said.find("<3>"), std::string::npos) << said;
  EXPECT_EQ(said.find("ovl: "), std::string::npos) << said;
}

TEST_F(Service, ThatIsSuspendedKeepsNobodyWaiting) {
  write("[network.one]\n");
  commit("one");
  ASSERT_EQ(push().code, 0);
  ASSERT_EQ(ovl("--state-dir " + file("state") + " suspend").code, 0);
  start();
  EXPECT_NE(up_to("STATUS=suspended").find("READY=1"), std::string::npos);
  EXPECT_EQ(networks().find("one"), std::string::npos);
}

}  // namespace ovl
