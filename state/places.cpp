#include "state/places.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace ovl {

namespace {

namespace fs = std::filesystem;

bool is_read_only(const std::string& path) {
  return ::access(path.c_str(), W_OK) != 0 && errno == EROFS;
}

// Of the nearest that is there.
void check_writable(const std::string& path, std::vector<std::string>& out) {
  std::error_code error;
  fs::path there(path);
  while (!fs::exists(there, error) && there.has_parent_path() && there != there.parent_path()) {
    there = there.parent_path();
  }
  if (is_read_only(there.string())) {
    out.push_back(fmt::format("{} is on a read-only file system", there.string()));
  }
}

// links: whether a link to a folder is as good as one.
void check_folder(const std::string& path, bool links, std::vector<std::string>& out) {
  struct stat about {};

  if (::lstat(path.c_str(), &about) != 0) return check_writable(path, out);
  const bool is_link = S_ISLNK(about.st_mode);
  if (is_link && !links) return out.push_back(path + " is a symbolic link");
  if (is_link && ::stat(path.c_str(), &about) != 0) {
    return out.push_back(path + " is a symbolic link to nowhere");
  }
  if (!S_ISDIR(about.st_mode)) return out.push_back(path + " is not a directory");
  check_writable(path, out);
}

}  // namespace

std::vector<std::string> unusable_places(const std::string& state_directory,
                                         const std::string& run_directory) {
  std::vector<std::string> out;
  check_folder(state_directory, true, out);
  check_folder(run_directory + "/ovl", false, out);
  check_folder(run_directory + "/netns", true, out);
  return out;
}

}  // namespace ovl
