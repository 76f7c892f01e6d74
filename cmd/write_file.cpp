#include "cmd/write_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "model/handle.hpp"

namespace ovl {

namespace {

Error not_written(const std::string& path) {
  return Error{.code = Errc::io, .message = fmt::format("{} can't be written", path), .os_errno = errno};
}

}  // namespace

Status write_whole_file(const std::string& path, const std::string& text, mode_t mode) {
  std::string name = path + ".XXXXXX";
  const UniqueFd file(::mkostemp(name.data(), O_CLOEXEC));
  if (!file.valid()) return not_written(path);
  const auto size = static_cast<ssize_t>(text.size());
  const bool written = ::fchmod(file.get(), mode) == 0 &&
                       ::write(file.get(), text.data(), text.size()) == size && ::fsync(file.get()) == 0 &&
                       ::rename(name.c_str(), path.c_str()) == 0;
  if (written) return {};
  Error error = not_written(path);
  ::unlink(name.c_str());
  return error;
}

}  // namespace ovl
