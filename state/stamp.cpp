#include "state/stamp.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "files/read.hpp"
#include "model/base/digest.hpp"
#include "model/base/refusal.hpp"

namespace ovl {

namespace {

Error stamp_error(const std::string& file, int number) {
  const bool refused = number == EACCES || number == EPERM || number == EROFS;
  return Error{
      .code = refused ? Errc::privilege : Errc::io,
      .message = fmt::format("the state's stamp {}: {}", file,
                             std::strerror(number)),  // NOLINT(concurrency-mt-unsafe): glibc's is safe
      .hint = refused ? std::string(remedy_of_refusal(number, ::geteuid() == 0)) : "",
      .os_errno = number};
}

std::string folder_of(const std::string& file) {
  return file.substr(0, file.rfind('/'));
}

}  // namespace

// One host may be in each network namespace, and one state directory for each: the root goes into the name.
Result<std::string> stamp_file(const StateOptions& options) {
  if (options.run_directory.empty()) return std::string();

  struct stat about {};

  if (::stat("/proc/thread-self/ns/net", &about) != 0) return stamp_error("/proc/thread-self/ns/net", errno);
  return fmt::format("{}/ovl/stamp.{}.{:.16}.{}", options.run_directory, about.st_ino,
                     sha256_hex(options.root), options.cluster.text());
}

Result<std::string> new_stamp() {
  std::array<unsigned char, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    return stamp_error("of random bytes", errno);
  std::string out;
  for (const unsigned char byte : bytes) out += fmt::format("{:02x}", byte);
  return out;
}

std::string read_stamp(const std::string& file) {
  auto text = read_regular(file, {.most = 64, .links = Links::refuse});
  return text.ok() ? std::move(text).value() : std::string();
}

Status write_stamp(const std::string& file, const std::string& stamp) {
  const std::string folder = folder_of(file);
  if (::mkdir(folder.c_str(), S_IRWXU) != 0 && errno != EEXIST) return stamp_error(folder, errno);
  const UniqueFd fd(
      ::open(file.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, S_IRUSR | S_IWUSR));
  if (!fd.valid() || ::ftruncate(fd.get(), 0) != 0) return stamp_error(file, errno);
  const ssize_t written = ::write(fd.get(), stamp.data(), stamp.size());
  return written == static_cast<ssize_t>(stamp.size()) ? Status() : stamp_error(file, errno);
}

void remove_stamp(const std::string& file) {
  static_cast<void>(::unlink(file.c_str()));
}

}  // namespace ovl
