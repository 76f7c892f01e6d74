// A write to a pipe that nobody empties does not return, and a timer can't take it back. So no write is begun
// that could wait.
#include "cmd/base/patient_write.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace ovl {

namespace {

// Less than a pipe or a terminal has room for when poll() says that it has any: a write of it does not wait.
constexpr std::size_t kPiece = 512;

}  // namespace

std::string write_patiently(int file, std::string_view text, std::chrono::milliseconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!text.empty()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    // poll(2) and small pieces instead of O_NONBLOCK: the flag is of the open file, which the user's shell
    // has too, and would be left to it.
    pollfd ready{.fd = file, .events = POLLOUT, .revents = 0};
    const int found = ::poll(&ready, 1, static_cast<int>(std::max(left.count(), std::int64_t{0})));
    if (found < 0 && errno == EINTR) continue;
    if (found <= 0) break;
    const ssize_t written = ::write(file, text.data(), text.substr(0, kPiece).size());
    if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    // A closed pipe or a full disk: waiting longer helps nobody.
    if (written < 0) return {};
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return std::string(text);
}

}  // namespace ovl
