#include "state/host_lock.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "model/base/refusal.hpp"
#include "model/base/value.hpp"

namespace ovl {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

Error lock_error(const std::string& path, int error) {
  const bool refused = error == EACCES || error == EPERM || error == EROFS;
  std::string_view words = std::strerror(error);
  if (error == ELOOP) words = "it is a symbolic link";
  if (error == ENOTDIR) words = "it is not a directory";
  return Error{.code = refused ? Errc::privilege : Errc::io,
               .message = fmt::format("lock {}: {}", path, words),
               .hint = refused ? std::string(remedy_of_refusal(error, ::geteuid() == 0)) : "",
               .os_errno = error};
}

// host_lock_holder() takes the lock for a moment to see whether it is free; nobody is to fail for that.
constexpr milliseconds kLeastWait{20};

// The namespace of this thread, which is the one that it would write to.
Result<std::string> lock_name() {
  struct stat about {};

  if (::stat("/proc/thread-self/ns/net", &about) != 0) return lock_error("/proc/thread-self/ns/net", errno);
  return fmt::format("lock.{}", about.st_ino);
}

// Directory and file one after the other and never through a link: the run directory may be
// somebody else's to write in.
Result<UniqueFd> open_lock(const std::string& run_directory, const std::string& name, bool create) {
  const std::string directory = run_directory + "/ovl";
  if (create && ::mkdir(directory.c_str(), S_IRWXU) != 0 && errno != EEXIST)
    return lock_error(directory, errno);
  const UniqueFd parent(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!parent.valid()) return lock_error(directory, errno);
  const int flags = (create ? O_RDWR | O_CREAT : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
  UniqueFd fd(::openat(parent.get(), name.c_str(), flags, S_IRUSR | S_IWUSR));

  struct stat about {};

  if (!fd.valid() || ::fstat(fd.get(), &about) != 0) return lock_error(directory + "/" + name, errno);
  if (S_ISREG(about.st_mode)) return fd;
  return Error{.code = Errc::io,
               .message = fmt::format("lock {}/{}: it is not a regular file", directory, name)};
}

std::optional<HostLockHolder> read_holder(int fd) {
  std::array<char, 1024> buffer{};
  const ssize_t size = ::pread(fd, buffer.data(), buffer.size(), 0);
  if (size <= 0) return std::nullopt;
  const auto value = Value::parse_json({buffer.data(), static_cast<std::size_t>(size)});
  if (!value.ok()) return std::nullopt;
  const Value* pid = value.value().find("pid");
  const Value* command = value.value().find("command");
  const Value* since = value.value().find("since");
  const bool whole = pid != nullptr && pid->as_int() != nullptr && command != nullptr &&
                     command->as_string() != nullptr && since != nullptr && since->as_int() != nullptr;
  if (!whole) return std::nullopt;
  return HostLockHolder{.pid = *pid->as_int(), .command = *command->as_string(), .since = *since->as_int()};
}

// What we cannot say here only makes another's message poorer.
void write_holder(int fd, const HostLockOptions& options) {
  Value holder = Value::object();
  holder.set("pid", Value(std::int64_t{::getpid()}));
  holder.set("command", Value(options.command.substr(0, 200)));
  holder.set("since", Value(options.since));
  const std::string text = holder.json() + "\n";
  if (::ftruncate(fd, 0) == 0) (void)!::pwrite(fd, text.data(), text.size(), 0);
}

std::string utc(std::int64_t seconds) {
  const std::time_t time = seconds;

  struct tm parts {};

  if (::gmtime_r(&time, &parts) == nullptr) return "?";
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

// A file of another may hold what a terminal obeys.
std::string printable(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return text;
}

Error held(const std::string& path, int fd) {
  const auto holder = read_holder(fd);
  std::string who = "another process";
  if (holder)
    who = fmt::format("pid {} ({}) since {}", holder->pid, printable(holder->command), utc(holder->since));
  return Error{.code = Errc::locked,
               .message = fmt::format("this host's lock {} is held by {}", path, who),
               .hint = "wait for it to finish, or give --lock-timeout a longer time"};
}

// Waits until the holder may have let go. flock() itself has no time limit. The kernel tells of the
// close of the file (IN_CLOSE_WRITE) just before it drops the lock (__fput calls fsnotify_close, then
// locks_remove_file), and not at all when the holder's child has the file too: hence short waits
// after a close, and a look now and then.
class Waiter {
 public:
  explicit Waiter(const std::string& path) : fd_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    if (fd_.valid()) ::inotify_add_watch(fd_.get(), path.c_str(), IN_CLOSE_WRITE);
  }

  // False: a signal came.
  bool wait(milliseconds left) {
    const milliseconds pause = std::min(left, closed_ ? pause_after_close() : kLookAnyway);

    struct pollfd waiting {
      .fd = fd_.get(), .events = POLLIN, .revents = 0
    };

    const int ready = ::poll(&waiting, 1, static_cast<int>(pause.count()));
    if (ready < 0) return false;
    std::array<char, 4096> drained;
    while (ready > 0 && ::read(fd_.get(), drained.data(), drained.size()) > 0) {
      closed_ = true;
      after_close_ = kFirst;
    }
    return true;
  }

 private:
  static constexpr milliseconds kFirst{1};
  static constexpr milliseconds kLookAnyway{200};

  milliseconds pause_after_close() {
    const milliseconds pause = after_close_;
    after_close_ = pause * 2;
    closed_ = after_close_ < kLookAnyway;
    return pause;
  }

  UniqueFd fd_;
  bool closed_ = false;
  milliseconds after_close_ = kFirst;
};

}  // namespace

HostLock::~HostLock() {
  if (fd_.valid()) (void)!::ftruncate(fd_.get(), 0);
}

Result<HostLock> lock_host(const HostLockOptions& options) {
  OVL_TRY(const std::string name, lock_name());
  OVL_TRY(UniqueFd fd, open_lock(options.run_directory, name, true));
  std::string path = options.run_directory + "/ovl/" + name;
  const auto deadline = steady_clock::now() + std::max(options.timeout, kLeastWait);
  std::optional<Waiter> waiter;
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return lock_error(path, errno);
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0) return held(path, fd.get());
    if (!waiter && options.waiting && options.timeout > kLeastWait) {
      options.waiting(held(path, fd.get()).message);
    }
    if (!waiter) waiter.emplace(path);
    if (!waiter->wait(left)) {
      return Error{.code = Errc::interrupted, .message = "interrupted while waiting for this host's lock"};
    }
  }
  write_holder(fd.get(), options);
  return HostLock(std::move(fd), std::move(path));
}

Result<std::optional<HostLockHolder>> host_lock_holder(const std::string& run_directory) {
  OVL_TRY(const std::string name, lock_name());
  auto fd = open_lock(run_directory, name, false);
  if (!fd.ok() && fd.error().os_errno == ENOENT) return std::optional<HostLockHolder>();
  if (!fd.ok()) return std::move(fd).error();
  // Shared, and given back at once: who only looks must not keep another from locking.
  if (::flock(fd.value().get(), LOCK_SH | LOCK_NB) == 0) return std::optional<HostLockHolder>();
  return read_holder(fd.value().get());
}

}  // namespace ovl
