// Files that others read while they are written: notes of hooks, suspensions, exports, formatted manifests.
// Each is whole at any moment, also after a power cut.
#include "cmd/base/write_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "model/base/handle.hpp"

namespace ovl {

namespace {

Error not_written(const std::string& path) {
  const int number = errno;
  const bool full = number == ENOSPC || number == EDQUOT;
  return Error{.code = Errc::io,
               .message = fmt::format("{} can't be written: {}", path, std::strerror(number)),
               .hint = full ? "make room there and try again; what was there is as it was" : "",
               .os_errno = number};
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// The new name stays when the machine loses its power. Best effort: the file is whole either way.
void sync_parent(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  const UniqueFd fd(::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.valid()) (void)::fsync(fd.get());
}

// prepare(fd): gives the new file what it has beside its text; false, with errno.
template <class Prepare>
Status write_beside(const std::string& path, const std::string& text, const Prepare& prepare) {
  // In the same folder, as rename(2) does not lead from one file system to another. mkostemp(3) makes it with
  // O_EXCL and 0600, so nobody else's file is taken.
  std::string name = path + ".XXXXXX";
  const UniqueFd file(::mkostemp(name.data(), O_CLOEXEC));
  if (!file.valid()) return not_written(path);
  // fsync(2) before the rename: else a power cut may leave the new name and none of the data. Owner and mode
  // come before both, so that the file is never there with others.
  const bool written = prepare(file.get()) && write_all(file.get(), text) && ::fsync(file.get()) == 0 &&
                       ::rename(name.c_str(), path.c_str()) == 0;
  if (written) {
    sync_parent(path);
    return {};
  }
  Error error = not_written(path);
  // errno was read before: not_written() comes first.
  ::unlink(name.c_str());
  return error;
}

}  // namespace

Status write_whole_file(const std::string& path, const std::string& text, mode_t mode) {
  return write_beside(path, text, [&](int file) { return ::fchmod(file, mode) == 0; });
}

Status replace_whole_file(const std::string& path, const std::string& text) {
  struct stat about {};

  // A link would be replaced by a file: who wants what it leads to names that.
  if (::lstat(path.c_str(), &about) != 0) return not_written(path);
  if (!S_ISREG(about.st_mode)) {
    errno = ELOOP;
    return not_written(path);
  }
  return write_beside(path, text, [&](int file) {
    // A user who formats another's file in a folder of both can't give it away; the mode stays all the same.
    (void)!::fchown(file, about.st_uid, about.st_gid);
    // Without set-user-ID: with the new owner it would be somebody else's rights.
    return ::fchmod(file, about.st_mode & 0777) == 0;
  });
}

}  // namespace ovl
