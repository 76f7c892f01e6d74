#include "files/trusted_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "files/read.hpp"
#include "model/base/handle.hpp"

namespace ovl {

namespace {

namespace fs = std::filesystem;

Error refused_path(const fs::path& path, std::string_view why, std::string hint) {
  return {.code = Errc::guard, .message = fmt::format("{} {}", path.string(), why), .hint = std::move(hint)};
}

Error open_error(const fs::path& path, int number) {
  if (number == ENOENT) {
    return {.code = Errc::not_found, .message = fmt::format("there is no {}", path.string())};
  }
  if (number == EISDIR || number == ENXIO) return refused_path(path, "is no regular file", "name a file");
  if (number == ELOOP || number == ENOTDIR) {
    return refused_path(path, "is a symbolic link or no folder", "name the file by its real path");
  }
  return {.code = Errc::io,
          .message = fmt::format("{}: {}", path.string(), std::strerror(number)),
          .os_errno = number};
}

bool is_strangers(const struct stat& about) {
  return about.st_uid != 0 && about.st_uid != ::geteuid();
}

Status check_writers(const fs::path& path, const struct stat& about) {
  const std::string why = others_word(about);
  if (why.empty()) return {};
  return refused_path(path, why,
                      fmt::format("{} {}", is_strangers(about) ? "chown root" : "chmod go-w", path.string()));
}

// Opens `name` in the folder `parent`; never through a link, never waiting for a pipe's other end.
Result<UniqueFd> open_checked(const UniqueFd& parent, const char* name, const fs::path& path, bool folder) {
  UniqueFd fd;
  if (folder) {
    fd = UniqueFd(::openat(parent.get(), name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd.valid()) return open_error(path, errno);
  } else {
    auto file = open_regular(parent.get(), name, path.string(), Links::refuse);
    if (!file.ok()) return open_error(path, file.error().os_errno);
    fd = std::move(file).value();
  }

  struct stat about {};

  if (::fstat(fd.get(), &about) != 0) return open_error(path, errno);
  OVL_CHECK(check_writers(path, about));
  return fd;
}

Result<std::string> read_all(const UniqueFd& fd, const fs::path& path, std::size_t most) {
  auto text = read_open(fd.get(), path.string(), most);
  if (text.ok()) return text;
  if (text.error().os_errno != EFBIG) return open_error(path, text.error().os_errno);
  return refused_path(path, fmt::format("is larger than {} bytes", most), "is it the right file?");
}

}  // namespace

bool may_others_write(const struct stat& about) {
  return (about.st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

std::string others_word(const struct stat& about) {
  if (is_strangers(about)) return fmt::format("belongs to user {}", about.st_uid);
  const bool shared_folder = S_ISDIR(about.st_mode) && (about.st_mode & S_ISVTX) != 0;
  return may_others_write(about) && !shared_folder ? "may be written by others" : "";
}

Result<UniqueFd> open_trusted_folder(const std::string& path) {
  const fs::path whole = fs::path(path).lexically_normal();
  if (!whole.is_absolute()) return refused_path(path, "is no absolute path", "begin it with /");
  fs::path so_far = "/";
  OVL_TRY(UniqueFd folder, open_checked(UniqueFd(), "/", so_far, true));
  for (const fs::path& part : whole.relative_path()) {
    if (part.empty()) continue;  // behind a last slash
    so_far /= part;
    OVL_TRY(folder, open_checked(folder, part.c_str(), so_far, true));
  }
  return folder;
}

Result<std::string> read_trusted_file(const std::string& path, std::size_t most) {
  const fs::path whole = fs::path(path).lexically_normal();
  if (!whole.is_absolute()) return refused_path(path, "is no absolute path", "begin it with /");
  OVL_TRY(const UniqueFd folder, open_trusted_folder(whole.parent_path().string()));
  OVL_TRY(const UniqueFd file, open_checked(folder, whole.filename().c_str(), whole, false));
  return read_all(file, whole, most);
}

Status check_trusted(const std::string& path) {
  std::error_code error;
  fs::path way = fs::canonical(path, error);
  if (error) return open_error(path, error.value());
  for (;; way = way.parent_path()) {
    struct stat about {};

    if (::lstat(way.c_str(), &about) != 0) return open_error(way, errno);
    OVL_CHECK(check_writers(way, about));
    if (!way.has_relative_path()) return {};
  }
}

}  // namespace ovl
