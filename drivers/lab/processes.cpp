#include "drivers/lab/processes.hpp"

#include <dirent.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <signal.h>
extern "C" {  // glibc 2.36 forgot it in this header
#include <sys/pidfd.h>
}
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>

#include "drivers/kernel/netlink/errors.hpp"
#include "model/base/handle.hpp"

namespace ovl {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kGrace{2};
constexpr std::chrono::seconds kPatience{5};
// SIGKILL again for what forked while the others were counted.
constexpr int kRounds = 10;

// Why not <sys/pidfd.h>: glibc 2.36's declares its functions without C linkage.
UniqueFd open_pidfd(pid_t pid) {
  return UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
}

void send_signal(const UniqueFd& process, int signal) {
  (void)syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0);  // ESRCH: it has ended
}

pid_t to_pid(std::string_view name) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
  return error == std::errc{} && end == name.data() + name.size() ? pid : 0;
}

// False for a process that is gone, or a kernel thread or zombie, which has no such files.
bool is_inside(pid_t pid, const std::set<NamespaceId>& namespaces) {
  return std::ranges::any_of(std::array{"net", "mnt", "uts"}, [&](const char* type) {
    const auto id = namespace_at(fmt::format("/proc/{}/ns/{}", pid, type));
    return id && namespaces.contains(*id);
  });
}

// Those still inside once they are held: a pid may have got a new owner in between.
std::vector<UniqueFd> hold(const std::vector<pid_t>& pids, const std::set<NamespaceId>& namespaces) {
  std::vector<UniqueFd> held;
  for (const pid_t pid : pids) {
    UniqueFd fd = open_pidfd(pid);
    if (fd.valid() && is_inside(pid, namespaces)) held.push_back(std::move(fd));
  }
  return held;
}

// Waits until all have ended or the time is over.
void await_end(const std::vector<UniqueFd>& held, std::chrono::milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  for (const UniqueFd& fd : held) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd waiting{.fd = fd.get(), .events = POLLIN, .revents = 0};
    (void)poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
  }
}

}  // namespace

std::optional<NamespaceId> namespace_at(const std::string& path) {
  struct stat info {};

  if (stat(path.c_str(), &info) != 0) return std::nullopt;
  return NamespaceId{.device = info.st_dev, .inode = info.st_ino};
}

Result<std::vector<pid_t>> processes_inside(const std::set<NamespaceId>& namespaces) {
  const Handle<DIR, closedir> directory(opendir("/proc"));
  if (!directory) return kernel_error("reading /proc", errno, {}, Errc::io);
  std::vector<pid_t> found;
  while (const dirent* entry = readdir(directory.get())) {
    const pid_t pid = to_pid(entry->d_name);
    if (pid > 0 && pid != getpid() && is_inside(pid, namespaces)) found.push_back(pid);
  }
  std::ranges::sort(found);
  return found;
}

Status end_processes_inside(const std::set<NamespaceId>& namespaces) {
  for (int round = 0; round < kRounds; ++round) {
    OVL_TRY(const std::vector<pid_t> inside, processes_inside(namespaces));
    if (inside.empty()) return {};
    const std::vector<UniqueFd> held = hold(inside, namespaces);
    const int signal = round == 0 ? SIGTERM : SIGKILL;
    for (const UniqueFd& fd : held) send_signal(fd, signal);
    await_end(held, round == 0 ? kGrace : kPatience);
  }
  OVL_TRY(const std::vector<pid_t> left, processes_inside(namespaces));
  if (left.empty()) return {};
  return Error{.code = Errc::conflict,
               .message = fmt::format("processes inside the lab don't end: {}", fmt::join(left, ", ")),
               .hint = "end them, then run ovl lab down again"};
}

}  // namespace ovl
