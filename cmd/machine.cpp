#include "cmd/machine.hpp"

#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "files/read.hpp"

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
