#include "files/file_watch.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

namespace ovl {

namespace {

// Above the step of a file system's clock.
constexpr std::time_t kFresh = 2;

}  // namespace

bool FileWatch::Stamp::operator==(const Stamp& other) const {
  return device == other.device && inode == other.inode && size == other.size &&
         changed.tv_sec == other.changed.tv_sec && changed.tv_nsec == other.changed.tv_nsec;
}

bool FileWatch::may_have_changed() {
  struct stat about {};

  if (::stat(path_.c_str(), &about) != 0) {
    const bool absent = errno == ENOENT || errno == ENOTDIR;
    const bool was_absent = seen_ && *seen_ == Stamp();
    seen_ = absent ? std::optional(Stamp()) : std::nullopt;
    return !absent || !was_absent;
  }
  const Stamp now{
      .device = about.st_dev, .inode = about.st_ino, .size = about.st_size, .changed = about.st_ctim};
  const bool fresh = std::time(nullptr) - now.changed.tv_sec < kFresh;
  const auto before = std::exchange(seen_, now);
  return fresh || !before || !(*before == now);
}

}  // namespace ovl
