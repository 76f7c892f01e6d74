#include "drivers/process/service_manager.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "model/base/handle.hpp"

namespace ovl {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
  return value == nullptr ? "" : value;
}

// 0 for what is no number.
std::int64_t number_of(const std::string& text) {
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && out > 0 ? out : 0;
}

}  // namespace

ServicePlace service_place() {
  ServicePlace out{.socket = variable("NOTIFY_SOCKET"),
                   .watchdog = microseconds(number_of(variable("WATCHDOG_USEC")))};
  const std::string pid = variable("WATCHDOG_PID");
  if (!pid.empty() && number_of(pid) != ::getpid()) out.watchdog = microseconds(0);
  return out;
}

void ServiceManager::ready() {
  if (is_ready_) return;
  is_ready_ = true;
  tell("READY=1");
}

void ServiceManager::wait_for(microseconds longer) const {
  if (!is_ready_) tell(fmt::format("EXTEND_TIMEOUT_USEC={}", longer.count()));
}

void ServiceManager::alive() {
  const auto now = steady_clock::now();
  if (place_.watchdog.count() == 0 || now - last_ < place_.watchdog / 4) return;
  last_ = now;
  tell("WATCHDOG=1");
}

void ServiceManager::status(const std::string& line) {
  if (line == status_) return;
  status_ = line;
  tell("STATUS=" + line);
}

milliseconds ServiceManager::patience() const {
  if (place_.watchdog.count() == 0) return milliseconds::max();
  return std::chrono::ceil<milliseconds>(place_.watchdog / 4);
}

void ServiceManager::tell(std::string_view assignments) const {
  sockaddr_un address{};
  if (place_.socket.size() < 2 || place_.socket.size() >= sizeof(address.sun_path)) return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, place_.socket.data(), place_.socket.size());
  // An abstract name begins with a zero byte, and its length is part of it: unix(7).
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  const UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + place_.socket.size());
  (void)::sendto(socket.get(), assignments.data(), assignments.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address), length);
}

}  // namespace ovl
