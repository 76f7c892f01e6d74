// What a service manager hears: sd_notify(3).
#include "drivers/process/service_manager.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>

#include "model/base/handle.hpp"
#include "tests/support/process.hpp"

namespace ovl::test {

namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;

// Hears what is sent to a name, as systemd would.
class Listener {
 public:
  explicit Listener(const std::string& name) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name.front() == '@') address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    if (::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) std::abort();
  }

  // The next datagram; empty when there is none.
  [[nodiscard]] std::string next() const {
    std::string out(256, '\0');
    const ssize_t size = ::recv(fd_.get(), out.data(), out.size(), MSG_DONTWAIT);
    out.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return out;
  }

 private:
  UniqueFd fd_;
};

class Heard : public ::testing::Test {
 protected:
  TemporaryDirectory directory_;
  std::string name_ = directory_.file("notify");
  Listener listener_{name_};
};

}  // namespace

TEST_F(Heard, ReadinessOnce) {
  ServiceManager manager({.socket = name_});
  manager.wait_for(std::chrono::seconds(2));
  EXPECT_EQ(listener_.next(), "EXTEND_TIMEOUT_USEC=2000000");
  manager.ready();
  manager.ready();
  manager.wait_for(std::chrono::seconds(2));
  EXPECT_EQ(listener_.next(), "READY=1");
  EXPECT_EQ(listener_.next(), "");
}

TEST_F(Heard, ASignOfLifeNoMoreOftenThanItIsWanted) {
  ServiceManager manager({.socket = name_, .watchdog = hours(4)});
  EXPECT_EQ(manager.patience(), hours(1));
  manager.alive();
  manager.alive();
  EXPECT_EQ(listener_.next(), "WATCHDOG=1");
  EXPECT_EQ(listener_.next(), "");
  ServiceManager hasty({.socket = name_, .watchdog = microseconds(1)});
  hasty.alive();
  hasty.alive();
  EXPECT_EQ(listener_.next(), "WATCHDOG=1");
  EXPECT_EQ(listener_.next(), "WATCHDOG=1");
}

TEST_F(Heard, AStatusWhenItIsAnother) {
  ServiceManager manager({.socket = name_});
  manager.status("generation 1");
  manager.status("generation 1");
  manager.stopping();
  EXPECT_EQ(listener_.next(), "STATUS=generation 1");
  EXPECT_EQ(listener_.next(), "STOPPING=1");
}

TEST_F(Heard, NothingWithoutAWatchdog) {
  ServiceManager manager({.socket = name_});
  EXPECT_EQ(manager.patience(), milliseconds::max());
  manager.alive();
  EXPECT_EQ(listener_.next(), "");
}

TEST(ServiceManagerOf, AnAbstractName) {
  const std::string name = "@ovl-test-" + std::to_string(::getpid());
  const Listener listener(name);
  ServiceManager({.socket = name}).ready();
  EXPECT_EQ(listener.next(), "READY=1");
}

TEST(ServiceManagerOf, NobodyIsToldNothing) {
  ServiceManager({}).ready();
  ServiceManager({.socket = std::string(500, 'x')}).ready();
}

TEST(ServicePlaceOf, TheEnvironment) {
  // NOLINTBEGIN(concurrency-mt-unsafe): one thread
  ::setenv("NOTIFY_SOCKET", "/run/x", 1);
  ::setenv("WATCHDOG_USEC", "3000000", 1);
  EXPECT_EQ(service_place().socket, "/run/x");
  EXPECT_EQ(service_place().watchdog, std::chrono::seconds(3));
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(service_place().watchdog.count(), 0);
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  EXPECT_EQ(service_place().watchdog, std::chrono::seconds(3));
  ::setenv("WATCHDOG_USEC", "soon", 1);
  EXPECT_EQ(service_place().watchdog.count(), 0);
  for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
  EXPECT_EQ(service_place().socket, "");
  // NOLINTEND(concurrency-mt-unsafe)
}

}  // namespace ovl::test
