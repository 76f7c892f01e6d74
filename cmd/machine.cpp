#include "cmd/machine.hpp"

#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "files/read.hpp"
#include "model/digest.hpp"
#include "model/handle.hpp"

namespace ovl {

namespace {

std::string user_name() {
  const passwd* entry = getpwuid(geteuid());
  return entry != nullptr ? entry->pw_name : std::to_string(geteuid());
}

}  // namespace

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

std::string boot_id() {
  return read_first_line("/proc/sys/kernel/random/boot_id");
}

namespace {

// As others may reach this machine; none: nobody says.
std::vector<std::string> own_addresses() {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return {};
  const Handle<ifaddrs, ::freeifaddrs> all(first);
  std::vector<std::string> out;
  for (const ifaddrs* one = first; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr) continue;
    std::array<char, NI_MAXHOST> text{};
    const int family = one->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    const socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    if (::getnameinfo(one->ifa_addr, size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) == 0)
      out.emplace_back(text.data());
  }
  return out;
}

}  // namespace

// Of the machine's id only a hash is kept, as machine-id(5) asks.
ThisMachine this_machine() {
  const std::string id = read_first_line("/etc/machine-id");
  return {.machine = id.empty() ? id : sha256_hex("ovl state " + id).substr(0, 32),
          .name = host_name(),
          .addresses = own_addresses()};
}

StoreLock::Holder this_process(std::int64_t now) {
  return StoreLock::Holder{.who = user_name() + "@" + host_name(),
                           .host = host_name(),
                           .boot = boot_id(),
                           .pid = getpid(),
                           .since = now};
}

bool holder_is_dead(const StoreLock::Holder& holder) {
  if (holder.host != host_name() || holder.boot != boot_id() || holder.pid <= 0) return false;
  return kill(static_cast<pid_t>(holder.pid), 0) != 0 && errno == ESRCH;
}

}  // namespace ovl
