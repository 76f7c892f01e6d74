#include "files/read.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "model/base/refusal.hpp"

namespace ovl {

namespace {

constexpr std::size_t kMostNames = 100'000;
constexpr std::size_t kBlock = 16'384;

std::string words_of(int number) {
  switch (number) {
    case ELOOP: return "it is a symbolic link";
    case EISDIR: return "it is a directory";
    case ENXIO: return "it is no regular file";
    default: return std::strerror(number);  // NOLINT(concurrency-mt-unsafe): glibc's is safe
  }
}

Error read_error(const std::string& shown, int number) {
  const bool refused = number == EACCES || number == EPERM;
  return Error{.code = number == ENOENT ? Errc::not_found
                       : refused        ? Errc::privilege
                                        : Errc::io,
               .message = fmt::format("{}: {}", shown, words_of(number)),
               .hint = refused ? std::string(remedy_of_refusal(number, ::geteuid() == 0)) : "",
               .os_errno = number};
}

Error too_large(const std::string& shown, std::size_t most) {
  return Error{.code = Errc::io,
               .message = fmt::format("{}: it is larger than {} bytes", shown, most),
               .os_errno = EFBIG};
}

int kind_error(mode_t mode) {
  if (S_ISREG(mode)) return 0;
  return S_ISLNK(mode) ? ELOOP : S_ISDIR(mode) ? EISDIR : ENXIO;
}

}  // namespace

// O_PATH opens nothing: no driver, no other end of a pipe hears of it. What was looked at is what is then
// opened, through the descriptor. O_NONBLOCK: a file of /proc may wait to be written (kmsg).
Result<UniqueFd> open_regular(int directory, const std::string& name, const std::string& shown, Links links) {
  const int follow = links == Links::follow ? 0 : O_NOFOLLOW;
  const UniqueFd found(::openat(directory, name.c_str(), O_PATH | O_CLOEXEC | follow));

  struct stat about {};

  if (!found.valid() || ::fstat(found.get(), &about) != 0) return read_error(shown, errno);
  const int wrong = kind_error(about.st_mode);
  if (wrong != 0) return read_error(shown, wrong);
  const std::string same = fmt::format("/proc/self/fd/{}", found.get());
  UniqueFd fd(::open(same.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid()) return read_error(shown, errno);
  return fd;
}

Result<std::string> read_open(int fd, const std::string& shown, std::size_t most) {
  std::string text;
  std::size_t size = 0;
  while (size <= most) {
    text.resize(std::min(std::max(size * 2, kBlock), most + 1));
    const ssize_t got = ::read(fd, text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return read_error(shown, errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > most) return too_large(shown, most);
  text.resize(size);
  return text;
}

Result<std::string> read_regular(const std::string& path, const FileLimits& limits) {
  OVL_TRY(const UniqueFd fd, open_regular(AT_FDCWD, path, path, limits.links));
  return read_open(fd.get(), path, limits.most);
}

std::string read_first_line(const std::string& path) {
  auto text = read_regular(path, {.most = 65'536});
  if (!text.ok()) return {};
  return text.value().substr(0, text.value().find('\n'));
}

Result<std::string> read_stdin(std::size_t most) {
  return read_open(STDIN_FILENO, "standard input", most);
}

Result<std::vector<std::string>> names_in(int directory, const std::string& shown) {
  // A description of its own: another reading begins at the start too.
  const int copy = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const Handle<DIR, closedir> entries(copy >= 0 ? ::fdopendir(copy) : nullptr);
  if (!entries) {
    const int number = errno;
    if (copy >= 0) ::close(copy);
    return read_error(shown, number);
  }
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    if (names.size() > kMostNames) return read_error(shown, EFBIG);
    errno = 0;
  }
  if (errno != 0) return read_error(shown, errno);
  std::ranges::sort(names);
  return names;
}

Result<std::vector<std::string>> names_in(const std::string& path) {
  const UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return read_error(path, errno);
  return names_in(directory.get(), path);
}

}  // namespace ovl
