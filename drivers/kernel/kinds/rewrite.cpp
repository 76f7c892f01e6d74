#include "drivers/kernel/kinds/rewrite.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include "drivers/kernel/kinds/netns.hpp"
#include "drivers/kernel/netlink/errors.hpp"
#include "model/base/handle.hpp"

namespace ovl {

namespace {

constexpr std::string_view kFormat = "ovl-rewrite 1 ";
constexpr std::size_t kMostHeader = 64;

Error rewrite_error(const std::string& path, int os_errno) {
  Error error = kernel_error(path, os_errno, {}, Errc::io);
  if (os_errno == ENOSPC || os_errno == EDQUOT) {
    error.hint = "make room there and apply again; the file is as it was";
  }
  return error;
}

Status write_at(int fd, std::string_view text, std::size_t at, const std::string& path) {
  while (!text.empty()) {
    const ssize_t n = pwrite(fd, text.data(), text.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return rewrite_error(path, errno);
    text.remove_prefix(static_cast<std::size_t>(n));
    at += static_cast<std::size_t>(n);
  }
  return {};
}

// Space for `size` bytes. Where the file system can't set some aside, line ends take the place.
Status reserve(int fd, std::size_t old_size, std::size_t size, const std::string& path) {
  int done = 0;
  do {
    done = fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size));
  } while (done < 0 && errno == EINTR);
  if (done == 0) return {};
  if (errno != EOPNOTSUPP && errno != ENOSYS) return rewrite_error(path, errno);
  if (size <= old_size) return {};
  OVL_CHECK(write_at(fd, std::string(size - old_size, '\n'), old_size, path));
  return fdatasync(fd) == 0 ? Status() : rewrite_error(path, errno);
}

Result<std::size_t> size_of(int fd, const std::string& path) {
  struct stat info {};

  if (fstat(fd, &info) < 0) return rewrite_error(path, errno);
  return static_cast<std::size_t>(info.st_size);
}

Status cut(int fd, std::size_t size, const std::string& path) {
  if (ftruncate(fd, static_cast<off_t>(size)) < 0 || fsync(fd) < 0) return rewrite_error(path, errno);
  return {};
}

Status write_from(int fd, std::string_view now, std::size_t from, const std::string& path) {
  OVL_CHECK(write_at(fd, now.substr(from), from, path));
  OVL_TRY(const std::size_t size, size_of(fd, path));
  if (size > now.size()) OVL_CHECK(write_at(fd, std::string(size - now.size(), '\n'), now.size(), path));
  return cut(fd, now.size(), path);
}

// Overwrites only what is there.
void put_back(int fd, std::string_view before, std::size_t from, const std::string& path) {
  if (write_at(fd, before.substr(from), from, path).ok()) (void)cut(fd, before.size(), path);
}

std::size_t common_beginning(std::string_view a, std::string_view b) {
  constexpr std::size_t kStep = 4096;
  std::size_t at = 0;
  while (at + kStep <= std::min(a.size(), b.size()) && a.substr(at, kStep) == b.substr(at, kStep))
    at += kStep;
  const std::string_view rest = a.substr(at);
  return at + static_cast<std::size_t>(std::ranges::mismatch(rest, b.substr(at)).in1 - rest.begin());
}

// FNV-1a: tells whether a copy is whole; no secret.
std::uint64_t checksum(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3U;
  return hash;
}

struct Copied {
  std::string_view before;
  std::string_view now;
};

// "ovl-rewrite 1 SIZE CHECKSUM\n", then SIZE bytes of the text before and all of the new one.
std::optional<Copied> parse_copy(std::string_view text) {
  const auto line = text.substr(0, kMostHeader).find('\n');
  if (line == std::string_view::npos || !text.starts_with(kFormat)) return std::nullopt;
  const std::string_view header = text.substr(kFormat.size(), line - kFormat.size());
  const std::string_view texts = text.substr(line + 1);
  std::size_t size = 0;
  const auto [end, error] = std::from_chars(header.data(), header.data() + header.size(), size);
  if (error != std::errc{} || size > texts.size()) return std::nullopt;
  if (header != fmt::format("{} {:016x}", size, checksum(texts))) return std::nullopt;
  return Copied{.before = texts.substr(0, size), .now = texts.substr(size)};
}

char byte_of(std::string_view text, std::size_t i) {
  return i < text.size() ? text[i] : '\n';
}

// Each byte is of the one text or the other; space that was set aside reads as zeros.
bool is_mixture(std::string_view current, const Copied& copied) {
  if (current.size() > std::max(copied.before.size(), copied.now.size())) return false;
  if (current.size() < std::min(copied.before.size(), copied.now.size())) return false;
  for (std::size_t i = 0; i < current.size(); ++i) {
    const char c = current[i];
    if (c != '\0' && c != byte_of(copied.before, i) && c != byte_of(copied.now, i)) return false;
  }
  return true;
}

}  // namespace

Result<std::string> read_whole(int fd, std::size_t most, const std::string& path) {
  OVL_TRY(const std::size_t size, size_of(fd, path));
  if (size > most) return rewrite_error(path, EFBIG);
  std::string text;
  std::array<char, 16384> buffer{};
  while (true) {
    const ssize_t n = read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return rewrite_error(path, errno);
    if (n == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(n));
    if (text.size() > most) return rewrite_error(path, EFBIG);
  }
}

Status rewrite(int fd, std::string_view before, std::string_view now, const std::string& path) {
  const std::size_t from = common_beginning(before, now);
  Status done = reserve(fd, before.size(), now.size(), path);
  if (done.ok()) done = write_from(fd, now, from, path);
  if (!done.ok()) put_back(fd, before, from, path);
  return done;
}

Status RewriteCopy::keep(std::string_view before, std::string_view now) const {
  const std::string texts = std::string(before) + std::string(now);
  const std::string text = fmt::format("{}{} {:016x}\n{}", kFormat, before.size(), checksum(texts), texts);
  const UniqueFd fd(open_beneath(directory, name.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
  if (!fd.valid()) return rewrite_error(name, errno);
  Status done = write_at(fd.get(), text, 0, name);
  if (done.ok() && (fsync(fd.get()) < 0 || fsync(directory) < 0)) done = rewrite_error(name, errno);
  if (!done.ok()) drop();
  return done;
}

std::optional<std::string> RewriteCopy::meant(std::string_view current, std::size_t most) const {
  const UniqueFd fd(open_beneath(directory, name.c_str(), O_RDONLY | O_NONBLOCK));
  if (!fd.valid()) return std::nullopt;
  const auto text = read_whole(fd.get(), 2 * most + kMostHeader, name);
  if (!text.ok()) return std::nullopt;
  const auto copied = parse_copy(text.value());
  if (!copied || !is_mixture(current, *copied)) return std::nullopt;
  return std::string(copied->now);
}

void RewriteCopy::drop() const {
  (void)unlinkat(directory, name.c_str(), 0);
}

}  // namespace ovl
