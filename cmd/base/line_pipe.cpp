// An apply must not hang on, or die of, the program that reads its events. A pipe that is full is waited for
// a while, a reader that is gone is EPIPE and no signal, and after the first failure nothing is written any
// more: half a stream with a gap would be worse than one that ends.
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
                    // A copy: stdout itself becomes stderr for all else, and no child inherits it.
                    ? ::fcntl(*descriptor, F_DUPFD_CLOEXEC, 3)
                    : ::open(target.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0644));
  if (!file.valid()) {
    return Error{.code = Errc::io,
                 .message = fmt::format("{} can't be written: {}", target, std::strerror(errno)),
                 .hint = "name a file, a FIFO, /dev/fd/N of an open descriptor, or - for stdout"};
  }
  // For the whole process, as there is no flag for it with write(2).
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
    // pipe(7): a pipe that is writable takes PIPE_BUF bytes without waiting, and more only if the reader is
    // quick. The descriptor is not made non-blocking, as that would be so for everybody who shares it.
    const ssize_t wrote = ::write(file_.get(), left.data(), std::min<std::size_t>(left.size(), PIPE_BUF));
    if (wrote < 0 && errno != EINTR) broken_ = std::strerror(errno);
    if (wrote > 0) left.remove_prefix(static_cast<std::size_t>(wrote));
  }
}

}  // namespace ovl
