#include "cmd/base/line_pipe.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <csignal>
#include <cstring>
#include <optional>

namespace ovl {

namespace {

// The descriptor that a name stands for. Opening /dev/fd/N anew would lose its offset, and fails for a
// socket.
std::optional<int> descriptor_of(std::string_view target) {
  if (target == "-" || target == "/dev/stdout") return STDOUT_FILENO;
  if (target == "/dev/stderr") return STDERR_FILENO;
  for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/"}) {
    if (!target.starts_with(folder)) continue;
    const std::string_view number = target.substr(folder.size());
    int out = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), out);
    if (error == std::errc{} && end == number.data() + number.size()) return out;
  }
  return std::nullopt;
}

// Waits until the reader takes something. A pipe that poll() calls writable has room for PIPE_BUF bytes.
bool has_room(int fd) {
  pollfd asked{.fd = fd, .events = POLLOUT, .revents = 0};
  int ready = 0;
  do {
    ready = ::poll(&asked, 1, static_cast<int>(LinePipe::kPatience.count()));
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

}  // namespace

Result<LinePipe> LinePipe::open(const std::string& target) {
  const auto descriptor = descriptor_of(target);
  UniqueFd file(descriptor
                    ? ::fcntl(*descriptor, F_DUPFD_CLOEXEC, 3)
                    : ::open(target.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0644));
  if (!file.valid()) {
    return Error{.code = Errc::io,
                 .message = fmt::format("{} can't be written: {}", target, std::strerror(errno)),
                 .hint = "name a file, a FIFO, /dev/fd/N of an open descriptor, or - for stdout"};
  }
  std::signal(SIGPIPE, SIG_IGN);
  return LinePipe(std::move(file), descriptor == STDOUT_FILENO);
}

void LinePipe::write(std::string_view text) {
  const std::string line = std::string(text) + "\n";
  std::string_view left = line;
  while (broken_.empty() && !left.empty()) {
    if (!has_room(file_.get())) {
      broken_ = "its reader takes nothing";
      return;
    }
    const ssize_t wrote = ::write(file_.get(), left.data(), std::min<std::size_t>(left.size(), PIPE_BUF));
    if (wrote < 0 && errno != EINTR) broken_ = std::strerror(errno);
    if (wrote > 0) left.remove_prefix(static_cast<std::size_t>(wrote));
  }
}

}  // namespace ovl
