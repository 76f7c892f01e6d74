#include "drivers/process/run.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "model/base/handle.hpp"

namespace ovl {

namespace {

using Clock = std::chrono::steady_clock;

// Where the files of a command begin, after stdin, stdout and stderr.
constexpr int kFirstFile = 3;
// Ours are above all that a child is given, so that giving one never overwrites another.
constexpr int kAboveChild = 64;

Error process_error(std::string_view what, int number) {
  const bool is_absent = number == ENOENT || number == ENOTDIR;
  return {.code = is_absent ? Errc::not_found : Errc::io,
          .message = fmt::format("{}: {}", what, std::strerror(number)),
          .os_errno = number};
}

Result<UniqueFd> lifted(UniqueFd fd) {
  UniqueFd out(fd.valid() ? ::fcntl(fd.get(), F_DUPFD_CLOEXEC, kAboveChild) : -1);
  if (!out.valid()) return process_error("opening a descriptor", errno);
  return out;
}

Result<UniqueFd> in_memory(const std::string& content) {
  OVL_TRY(UniqueFd fd, lifted(UniqueFd(::memfd_create("ovl", MFD_CLOEXEC))));
  for (std::size_t done = 0; done < content.size();) {
    const ssize_t count = ::write(fd.get(), content.data() + done, content.size() - done);
    if (count < 0 && errno != EINTR) return process_error("writing to memory", errno);
    if (count > 0) done += static_cast<std::size_t>(count);
  }
  if (::lseek(fd.get(), 0, SEEK_SET) != 0) return process_error("reading from memory", errno);
  return fd;
}

struct Pipe {
  UniqueFd reader;
  UniqueFd writer;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return process_error("making a pipe", errno);
  UniqueFd reader(ends[0]);
  OVL_TRY(UniqueFd writer, lifted(UniqueFd(ends[1])));
  // Only our end: the child's programs expect a pipe that blocks.
  ::fcntl(reader.get(), F_SETFL, O_NONBLOCK);
  return Pipe{std::move(reader), std::move(writer)};
}

// posix_spawn's two descriptions of a child.
class SpawnPlan {
 public:
  SpawnPlan() {
    ::posix_spawn_file_actions_init(&files_);
    ::posix_spawnattr_init(&attributes_);
    sigset_t none{};
    sigset_t all{};
    ::sigemptyset(&none);
    ::sigfillset(&all);
    // What we block or ignore would otherwise be blocked and ignored there.
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_,
                               POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }

  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&files_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  void give(const UniqueFd& fd, int as) { ::posix_spawn_file_actions_adddup2(&files_, fd.get(), as); }

  void close_from(int first) { ::posix_spawn_file_actions_addclosefrom_np(&files_, first); }

  void change_directory(const std::string& path) {
    ::posix_spawn_file_actions_addchdir_np(&files_, path.c_str());
  }

  // Answers 0 or an errno: of the execve, too.
  int spawn(const ProcessCommand& command, pid_t& child) const {
    std::vector<char*> arguments = pointers(command.arguments);
    std::vector<char*> environment = pointers(command.environment);
    return ::posix_spawn(&child, arguments.front(), &files_, &attributes_, arguments.data(),
                         environment.data());
  }

 private:
  static std::vector<char*> pointers(const std::vector<std::string>& words) {
    std::vector<char*> out;
    out.reserve(words.size() + 1);
    for (const std::string& word : words) out.push_back(const_cast<char*>(word.c_str()));
    out.push_back(nullptr);
    return out;
  }

  posix_spawn_file_actions_t files_{};
  posix_spawnattr_t attributes_{};
};

// A child that is not left behind, whatever happens: ended with its group unless it was waited for.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid), fd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}

  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  ~Child() {
    if (pid_ <= 0) return;
    ::kill(-pid_, SIGKILL);
    (void)wait();
  }

  [[nodiscard]] const UniqueFd& fd() const { return fd_; }

  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_;
  UniqueFd fd_;
};

// Reads what is there. Answers false when it is more than allowed.
bool drain(UniqueFd& fd, std::string& into, std::size_t most) {
  std::array<char, 8192> buffer{};
  while (fd.valid()) {
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return true;
    if (count == 0) fd.reset();
    into.append(buffer.data(), static_cast<std::size_t>(count));
    if (into.size() > most) return false;
  }
  return true;
}

int milliseconds_until(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::max<std::int64_t>(left, 0));
}

Result<ProcessOutput> collect(Child& child, UniqueFd out, UniqueFd err, const ProcessCommand& command) {
  const std::string& name = command.arguments.front();
  const auto deadline = Clock::now() + command.timeout;
  ProcessOutput output;
  for (bool ended = false; !ended;) {
    // A descriptor of -1 is passed over.
    std::array<pollfd, 4> events{pollfd{child.fd().get(), POLLIN, 0}, pollfd{out.get(), POLLIN, 0},
                                 pollfd{err.get(), POLLIN, 0}, pollfd{command.stop_fd, POLLIN, 0}};
    const int count = ::poll(events.data(), events.size(), milliseconds_until(deadline));
    if (count < 0 && errno != EINTR) return process_error("waiting for " + name, errno);
    if (Clock::now() >= deadline) {
      return Error{.code = Errc::io,
                   .message = fmt::format("{} took longer than {} ms", name, command.timeout.count())};
    }
    if (count > 0 && events[3].revents != 0) {
      return Error{.code = Errc::interrupted, .message = fmt::format("interrupted while {} ran", name)};
    }
    ended = count > 0 && events[0].revents != 0;
    if (drain(out, output.out, command.most_output) && drain(err, output.err, command.most_output)) continue;
    return Error{.code = Errc::io,
                 .message = fmt::format("{} printed more than {} bytes", name, command.most_output)};
  }
  output.status = child.wait();
  return output;
}

}  // namespace

std::string process_file(std::size_t index) {
  return fmt::format("/proc/self/fd/{}", kFirstFile + static_cast<int>(index));
}

Result<ProcessOutput> run_process(const ProcessCommand& command) {
  OVL_TRY(const UniqueFd input, in_memory(command.input));
  OVL_TRY(Pipe out, make_pipe());
  OVL_TRY(Pipe err, make_pipe());
  SpawnPlan plan;
  plan.give(input, STDIN_FILENO);
  plan.give(out.writer, STDOUT_FILENO);
  plan.give(err.writer, STDERR_FILENO);
  std::vector<UniqueFd> files;
  int next = kFirstFile;
  for (const std::string& content : command.files) {
    OVL_TRY(UniqueFd file, in_memory(content));
    plan.give(file, next++);
    files.push_back(std::move(file));
  }
  plan.close_from(next);
  plan.change_directory(command.directory);
  pid_t pid = 0;
  const int failure = plan.spawn(command, pid);
  if (failure != 0) return process_error("running " + command.arguments.front(), failure);
  Child child(pid);
  if (!child.fd().valid()) return process_error("watching " + command.arguments.front(), errno);
  out.writer.reset();
  err.writer.reset();
  return collect(child, std::move(out.reader), std::move(err.reader), command);
}

}  // namespace ovl
