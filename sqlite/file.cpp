#include "sqlite/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "model/base/handle.hpp"
#include "model/base/refusal.hpp"

namespace ovl::sqlite {

namespace {

namespace fs = std::filesystem;

Error file_error(std::string_view what, const std::string& path, int error) {
  const bool refused = error == EACCES || error == EPERM || error == EROFS;
  return Error{.code = refused ? Errc::privilege : Errc::io,
               .message = fmt::format("{} {}: {}", what, path, std::strerror(error)),
               .hint = refused ? fmt::format("{}, or name a file that you may write",
                                             remedy_of_refusal(error, ::geteuid() == 0))
                               : "name a file in a folder on a local disk where you may write",
               .os_errno = error};
}

// f_type of NFS, 9p, SMB (<linux/magic.h>), CIFS, SMB2, Coda and AFS: WAL needs shared memory between
// all users of the file, which these do not give.
constexpr std::array<std::uint32_t, 7> kNetworkFileSystems{0x6969,     0x01021997, 0x517b,    0xff534d42,
                                                           0xfe534d42, 0x73757245, 0x5346414f};

Status refuse_network_file_system(const std::string& directory) {
  struct statfs about {};

  if (::statfs(directory.c_str(), &about) != 0) return file_error("looking at", directory, errno);
  for (const std::uint32_t magic : kNetworkFileSystems) {
    if (static_cast<std::uint32_t>(about.f_type) != magic) continue;
    return Error{
        .code = Errc::unsupported,
        .message = fmt::format("{} is on a network file system, which SQLite cannot share", directory),
        .hint = "use a directory on a local disk"};
  }
  return {};
}

Status sync_directory(const std::string& directory) {
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) return file_error("syncing", directory, errno);
  return {};
}

// Why not open(O_CREAT): closing any descriptor of a database drops the POSIX locks that another
// connection of this process holds on it. mknod() makes the file without opening it, and follows no
// link.
Status create_file(const std::string& path, const std::string& directory) {
  if (::mknod(path.c_str(), S_IFREG | S_IRUSR | S_IWUSR, 0) != 0) {
    if (errno == EEXIST) return {};
    return file_error("creating", path, errno);
  }
  return sync_directory(directory);
}

Status check_file(const std::string& path) {
  struct stat about {};

  if (::lstat(path.c_str(), &about) != 0) {
    const int error = errno;
    Error failure = file_error("looking at", path, error);
    if (error == ENOENT) failure.code = Errc::not_found;
    return failure;
  }
  if (S_ISREG(about.st_mode) && (about.st_mode & S_IWOTH) == 0) return {};
  if (S_ISREG(about.st_mode)) {
    return Error{.code = Errc::io,
                 .message = fmt::format("{} may be written by everybody on this machine", path),
                 .hint = fmt::format("chmod 600 {}", path)};
  }
  const std::string_view what = S_ISLNK(about.st_mode)   ? "a symbolic link"
                                : S_ISDIR(about.st_mode) ? "a directory"
                                                         : "a special file";
  return Error{.code = Errc::io,
               .message = fmt::format("{} is {}, not a database file", path, what),
               .hint = "name a regular file"};
}

}  // namespace

Status make_directories(const std::string& path) {
  fs::path whole;
  for (const fs::path& part : fs::path(path)) {
    whole /= part;
    if (::mkdir(whole.c_str(), S_IRWXU) == 0 || errno == EEXIST) continue;

    // A read-only or forbidden ancestor that exists is no obstacle to what lies below it.
    struct stat about {};

    const int error = errno;
    if (::stat(whole.c_str(), &about) != 0) return file_error("creating", whole.string(), error);
  }
  return {};
}

Result<std::string> in_real_folder(const std::string& path) {
  const fs::path given(path);
  std::error_code failed;
  const fs::path directory = fs::canonical(given.parent_path(), failed);
  if (!failed) return (directory / given.filename()).string();
  Error failure = file_error("looking at", given.parent_path().string(), failed.value());
  if (failed.value() == ENOENT) failure.code = Errc::not_found;
  return failure;
}

Result<std::string> prepare_file(const std::string& path, bool create) {
  const fs::path given(path);
  if (!given.is_absolute() || !given.has_filename()) {
    return Error{.code = Errc::usage,
                 .message = fmt::format("\"{}\" is not the absolute path of a file", path),
                 .hint = "write the whole path, as in /var/lib/ovl/keystore.db"};
  }
  const std::string parent = given.parent_path().string();
  if (create) OVL_CHECK(make_directories(parent));
  OVL_TRY(std::string real, in_real_folder(path));
  const std::string directory = fs::path(real).parent_path().string();
  if (create) OVL_CHECK(create_file(real, directory));
  OVL_CHECK(check_file(real));
  OVL_CHECK(refuse_network_file_system(directory));
  return real;
}

Status make_empty_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return file_error("removing", path, errno);
  return create_file(path, fs::path(path).parent_path().string());
}

Status publish_file(const std::string& written, const std::string& name) {
  const UniqueFd fd(::open(written.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.valid() || ::fsync(fd.get()) != 0) return file_error("syncing", written, errno);
  if (::rename(written.c_str(), name.c_str()) != 0) return file_error("naming", name, errno);
  return sync_directory(fs::path(name).parent_path().string());
}

}  // namespace ovl::sqlite
