#include "drivers/lab/run_state.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "drivers/kernel/netlink/errors.hpp"
#include "files/read.hpp"

namespace ovl {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kUnfinished = ".new-";

Error state_failure(std::string_view what) {
  return kernel_error(what, errno, {}, Errc::io);
}

Status make_directories(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return kernel_error("making " + path, error.value(), {}, Errc::io);
  return {};
}

// Whole or not at all.
Status write_json(const std::string& path, const Value& value) {
  const std::string beside = path + ".new";
  std::ofstream file(beside, std::ios::trunc);
  file << value.json() << '\n';
  file.close();
  if (!file || std::rename(beside.c_str(), path.c_str()) != 0) return state_failure("writing " + path);
  return {};
}

constexpr std::size_t kMostJson = std::size_t{16} << 20;

Result<Value> read_json(const std::string& path) {
  OVL_TRY(const std::string text, read_regular(path, {.most = kMostJson, .links = Links::refuse}));
  auto value = Value::parse_json(text);
  if (!value.ok()) return std::move(value).error().within(path);
  return value;
}

Value encode_entry(const LabEntry& entry) {
  Value value = Value::object();
  value.set("directory", entry.directory);
  value.set("complete", entry.complete);
  value.set("plan", encode(entry.plan));
  return value;
}

Result<LabEntry> decode_entry(std::string id, const Value& value) {
  LabEntry entry{.id = std::move(id)};
  OVL_CHECK(decode_member(value, "directory", &LabEntry::directory, entry));
  OVL_CHECK(decode_member(value, "complete", &LabEntry::complete, entry));
  OVL_CHECK(decode_member(value, "plan", &LabEntry::plan, entry));
  return entry;
}

// A mount point that is still as it was made: an empty directory, or an empty file.
void remove_mount_point(const std::string& path) {
  struct stat info {};

  if (lstat(path.c_str(), &info) != 0) return;
  if (S_ISDIR(info.st_mode)) (void)rmdir(path.c_str());
  if (S_ISREG(info.st_mode) && info.st_size == 0) (void)unlink(path.c_str());
}

}  // namespace

std::string lab_id(std::string_view directory) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : directory) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return fmt::format("{:016x}", hash);
}

std::string LabRunState::path_of(std::string_view id, std::string_view below) const {
  return below.empty() ? fmt::format("{}/{}", root_, id) : fmt::format("{}/{}/{}", root_, id, below);
}

// ---- the lock ------------------------------------------------------------------------------------

Result<UniqueFd> LabRunState::lock() const {
  OVL_CHECK(make_directories(fs::path(root_).parent_path()));
  const std::string path = root_ + ".lock";
  while (true) {
    UniqueFd fd(
        open(path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, S_IRUSR | S_IWUSR));
    if (!fd.valid()) return state_failure("opening " + path);
    if (flock(fd.get(), LOCK_EX) != 0) return state_failure("locking " + path);

    // Its holder may have removed the file while we waited: then the lock is on nothing.
    struct stat held {};

    struct stat named {};

    if (fstat(fd.get(), &held) != 0) return state_failure("looking at " + path);
    if (stat(path.c_str(), &named) == 0 && held.st_ino == named.st_ino) return fd;
  }
}

void LabRunState::remove_lock() const {
  (void)unlink((root_ + ".lock").c_str());
}

// ---- the root ------------------------------------------------------------------------------------

bool LabRunState::is_mounted() const {
  struct statfs info {};

  struct stat here {};

  struct stat above {};

  return statfs(root_.c_str(), &info) == 0 && info.f_type == TMPFS_MAGIC && stat(root_.c_str(), &here) == 0 &&
         stat(fs::path(root_).parent_path().c_str(), &above) == 0 && here.st_dev != above.st_dev;
}

Status LabRunState::make_root() const {
  OVL_CHECK(make_directories(root_));
  if (!is_mounted() && mount("ovl-lab", root_.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700") != 0) {
    return state_failure("mounting on " + root_);
  }
  if (mount("", root_.c_str(), "none", MS_PRIVATE, nullptr) != 0) {
    return state_failure("making private the mount " + root_);
  }
  return {};
}

Status LabRunState::remove_unused_root() const {
  remove_unfinished();
  OVL_TRY(const std::vector<LabEntry> labs, list());
  if (!labs.empty()) return {};
  if (is_mounted()) {
    OVL_TRY(std::vector<std::string> paths, made());
    std::ranges::reverse(paths);
    for (const std::string& path : paths) remove_mount_point(path);
    if (umount2(root_.c_str(), MNT_DETACH) != 0) return state_failure("unmounting " + root_);
  }
  if (rmdir(root_.c_str()) != 0 && errno != ENOENT) return state_failure("removing " + root_);
  return {};
}

// ---- labs ----------------------------------------------------------------------------------------

Result<std::vector<LabEntry>> LabRunState::list() const {
  std::vector<LabEntry> labs;
  auto ids = names_in(root_);
  if (!ids.ok() && ids.error().code == Errc::not_found) return labs;
  if (!ids.ok()) return std::move(ids).error();
  for (const std::string& id : ids.value()) {
    auto value = read_json(path_of(id, "lab.json"));
    const bool is_none = !value.ok() && (value.error().code == Errc::not_found ||
                                         value.error().os_errno == ENOTDIR);  // a file beside the labs
    if (is_none) continue;
    if (!value.ok()) return std::move(value).error();
    OVL_TRY(LabEntry entry, decode_entry(id, value.value()));
    labs.push_back(std::move(entry));
  }
  std::ranges::sort(labs, {}, &LabEntry::directory);
  return labs;
}

Result<std::optional<LabEntry>> LabRunState::find(std::string_view directory) const {
  OVL_TRY(std::vector<LabEntry> labs, list());
  for (LabEntry& lab : labs) {
    if (lab.directory == directory) return std::optional<LabEntry>(std::move(lab));
  }
  return std::optional<LabEntry>();
}

Status LabRunState::add(const LabEntry& entry) const {
  const std::string beside = path_of(std::string(kUnfinished) + entry.id);
  const std::string folder = path_of(entry.id);
  for (const char* below : {"net", "mnt", "uts", "shared"}) {
    OVL_CHECK(make_directories(fmt::format("{}/{}", beside, below)));
  }
  OVL_CHECK(write_json(beside + "/lab.json", encode_entry(entry)));
  if (std::rename(beside.c_str(), folder.c_str()) != 0) return state_failure("making " + folder);
  return {};
}

Status LabRunState::update(const LabEntry& entry) const {
  return write_json(path_of(entry.id, "lab.json"), encode_entry(entry));
}

// The name goes first, and all of it: a folder without its lab.json would be nobody's.
Status LabRunState::remove(const LabEntry& entry) const {
  const std::string folder = path_of(entry.id);
  const std::string beside = path_of(std::string(kUnfinished) + entry.id);
  if (std::rename(folder.c_str(), beside.c_str()) != 0) return state_failure("removing " + folder);
  remove_unfinished();
  return {};
}

void LabRunState::remove_unfinished() const {
  const auto names = names_in(root_);
  if (!names.ok()) return;  // no root, nothing to remove
  std::error_code ignored;
  for (const std::string& name : names.value()) {
    if (name.starts_with(kUnfinished)) fs::remove_all(path_of(name), ignored);
  }
}

// ---- mount points --------------------------------------------------------------------------------

Result<std::vector<std::string>> LabRunState::made() const {
  auto value = read_json(root_ + "/made.json");
  if (!value.ok() && value.error().code == Errc::not_found) return std::vector<std::string>();
  if (!value.ok()) return std::move(value).error();
  return decode<std::vector<std::string>>(value.value());
}

Status LabRunState::note_made(const std::string& path) const {
  OVL_TRY(std::vector<std::string> paths, made());
  paths.push_back(path);
  return write_json(root_ + "/made.json", encode(paths));
}

Status LabRunState::make_mount_point(const std::string& path) const {
  fs::path whole;
  for (const fs::path& part : fs::path(path)) {
    whole /= part;

    struct stat info {};

    if (stat(whole.c_str(), &info) == 0) continue;
    OVL_CHECK(note_made(whole));
    const bool last = whole == fs::path(path);
    const int made = last ? mknod(whole.c_str(), S_IFREG | S_IRUSR | S_IWUSR, 0)
                          : mkdir(whole.c_str(), S_IRWXU | S_IRGRP | S_IXGRP | S_IROTH | S_IXOTH);
    if (made != 0 && errno != EEXIST) return state_failure("making " + whole.string());
  }
  return {};
}

}  // namespace ovl
