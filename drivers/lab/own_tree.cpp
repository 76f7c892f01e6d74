#include "drivers/lab/own_tree.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <sstream>

#include "drivers/kernel/netlink/errors.hpp"
#include "files/read.hpp"
#include "model/base/handle.hpp"

namespace ovl {

namespace {

struct PrivateDirectory {
  const char* path;
  const char* options;
};

constexpr std::array kPrivate = {PrivateDirectory{"/run", "mode=0755"},
                                 PrivateDirectory{"/etc/netns", "mode=0755"},
                                 PrivateDirectory{"/var/lib/ovl", "mode=0700"}};

// Kernel: when a mount point is removed, its mounts go in every mount namespace (__detach_mounts()). What
// lies on the machine's own /var/lib/ovl would be lost to whoever removes that; an overlay's directories are
// the node's alone.
struct Layered {
  const char* path;
  const char* inner;  // the private directory in it
};

constexpr std::array kLayered = {Layered{"/etc", "netns"}, Layered{"/var/lib", "ovl"}};

// Where the layers are while they are made; then /run is mounted over it.
constexpr const char* kLayers = "/run";
constexpr std::size_t kMostMountInfo = std::size_t{64} << 20;

Error tree_error(std::string_view what) {
  return kernel_error(what, errno, {}, Errc::io);
}

bool lies_in(std::string_view path, std::string_view directory) {
  return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

// ---- what is mounted there already -----------------------------------------------------------------

// A path as /proc writes it: space, tab, line feed and backslash as three octal digits (mangle_path()).
std::string unmangled(std::string_view text) {
  constexpr std::size_t kEscape = 4;
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + kEscape <= text.size()) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += kEscape - 1;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool is_carried(const std::string& point) {
  const auto covers = [&](const char* path) { return lies_in(point, path); };
  return std::ranges::any_of(
             kLayered,
             [&](const Layered& layered) { return point != layered.path && covers(layered.path); }) &&
         std::ranges::none_of(kPrivate, [&](const PrivateDirectory& own) { return covers(own.path); });
}

// The mount points that an overlay would hide, without those below another one.
Result<std::vector<std::string>> carried_points() {
  const UniqueFd file(open("/proc/thread-self/mountinfo", O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return tree_error("opening /proc/thread-self/mountinfo");
  OVL_TRY(const std::string text, read_open(file.get(), "/proc/thread-self/mountinfo", kMostMountInfo));
  std::vector<std::string> points;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word;
    for (int i = 0; i < 5; ++i) words >> word;  // proc(5): the fifth is the mount point
    if (std::string point = unmangled(word); is_carried(point)) points.push_back(std::move(point));
  }
  std::ranges::sort(points);
  std::vector<std::string> outer;
  for (std::string& point : points) {
    if (outer.empty() || !lies_in(point, outer.back())) outer.push_back(std::move(point));
  }
  return outer;
}

struct Carried {
  std::string point;
  UniqueFd tree;
};

// What can't be taken may not be bound, or its mount point is gone: nobody sees that.
Result<std::vector<Carried>> take_carried() {
  OVL_TRY(const std::vector<std::string> points, carried_points());
  std::vector<Carried> taken;
  for (const std::string& point : points) {
    UniqueFd tree(open_tree(AT_FDCWD, point.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
    if (tree.valid()) taken.push_back({point, std::move(tree)});
  }
  return taken;
}

Status place_carried(const std::vector<Carried>& taken) {
  for (const Carried& carried : taken) {
    if (move_mount(carried.tree.get(), "", AT_FDCWD, carried.point.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
      return tree_error("mounting on " + carried.point);
    }
  }
  return {};
}

// ---- the overlays ----------------------------------------------------------------------------------

Status mount_memory(const char* path, const char* options) {
  if (mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, options) == 0) return {};
  return tree_error(fmt::format("mounting on {}", path));
}

// The layer's own directory gives the whole its owner and mode.
Status make_layer(const Layered& layered, const std::string& place) {
  struct stat info {};

  if (stat(layered.path, &info) != 0) return tree_error(fmt::format("looking at {}", layered.path));
  for (const std::string& directory : {place, place + "/work", place + "/upper"}) {
    if (mkdir(directory.c_str(), S_IRWXU) != 0) return tree_error("making " + directory);
  }
  const std::string upper = place + "/upper";
  if (chown(upper.c_str(), info.st_uid, info.st_gid) != 0 || chmod(upper.c_str(), info.st_mode) != 0) {
    return tree_error("giving " + upper + " its owner");
  }
  const std::string inner = fmt::format("{}/{}", upper, layered.inner);
  if (mkdir(inner.c_str(), S_IRWXU) != 0) return tree_error("making " + inner);
  return {};
}

Status mount_overlay(const Layered& layered, const std::string& place) {
  OVL_CHECK(make_layer(layered, place));
  const std::string options =
      fmt::format("lowerdir={0},upperdir={1}/upper,workdir={1}/work", layered.path, place);
  if (mount("overlay", layered.path, "overlay", 0, options.c_str()) == 0) return {};
  Error error = tree_error(fmt::format("mounting an overlay on {}", layered.path));
  if (error.code != Errc::privilege) {
    error.hint =
        "a lab needs overlayfs (modprobe overlay), and hosts' own files that are not two overlays deep";
  }
  return error;
}

// The overlays hold their layers; nobody else sees them.
Status mount_overlays() {
  OVL_CHECK(mount_memory(kLayers, "mode=0700"));
  for (std::size_t i = 0; i < kLayered.size(); ++i) {
    OVL_CHECK(mount_overlay(kLayered[i], fmt::format("{}/{}", kLayers, i)));
  }
  if (umount2(kLayers, MNT_DETACH) != 0) return tree_error(fmt::format("unmounting {}", kLayers));
  return {};
}

}  // namespace

std::vector<std::string> private_directories() {
  std::vector<std::string> paths;
  paths.reserve(kPrivate.size());
  for (const PrivateDirectory& directory : kPrivate) paths.emplace_back(directory.path);
  return paths;
}

Status make_own_tree() {
  OVL_TRY(const std::vector<Carried> taken, take_carried());
  OVL_CHECK(mount_overlays());
  OVL_CHECK(place_carried(taken));
  for (const PrivateDirectory& directory : kPrivate) {
    OVL_CHECK(mount_memory(directory.path, directory.options));
  }
  return {};
}

}  // namespace ovl
