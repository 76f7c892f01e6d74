#include "drivers/lab/node.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <utility>

#include "drivers/kernel/kinds/netns.hpp"
#include "drivers/kernel/netlink/errors.hpp"
#include "drivers/lab/own_tree.hpp"
#include "drivers/process/enter.hpp"

namespace ovl {

namespace {

Error failed(std::string_view what) {
  return kernel_error(what, errno, {}, Errc::io);
}

std::string path_of(const UniqueFd& fd) {
  return fmt::format("/proc/self/fd/{}", fd.get());
}

// Copies of the files' mounts, taken while their place can still be seen.
Result<std::vector<UniqueFd>> take_shared(const NodeWish& wish) {
  std::vector<UniqueFd> taken;
  for (const SharedFile& file : wish.shared) {
    taken.emplace_back(open_tree(AT_FDCWD, file.source.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    if (!taken.back().valid()) return failed("taking " + file.source);
  }
  return taken;
}

Status place_shared(const SharedFile& file, const UniqueFd& taken) {
  const std::filesystem::path target(file.target);
  std::error_code ignored;  // open() below tells
  std::filesystem::create_directories(target.parent_path(), ignored);
  const UniqueFd point(open(target.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, S_IRUSR | S_IWUSR));
  if (!point.valid()) return failed("making " + file.target);
  if (move_mount(taken.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) == 0) return {};
  return failed("mounting on " + file.target);
}

Status hide_machine(const NodeWish& wish) {
  if (mount("", "/", "none", MS_PRIVATE | MS_REC, nullptr) != 0) return failed("making mounts private");
  if (umount2(wish.hidden.c_str(), MNT_DETACH) != 0) return failed("unmounting " + wish.hidden);
  OVL_CHECK(remount_sys());
  return make_own_tree();
}

Result<UniqueFd> own_namespace(const char* type) {
  UniqueFd fd(open(fmt::format("/proc/thread-self/ns/{}", type).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return failed(fmt::format("opening a node's {} namespace", type));
  return fd;
}

// The kernel's number of the calling thread's mount namespace; 0 where it does not tell (before 6.10).
std::uint64_t mount_namespace_number() {
  constexpr unsigned long kGetMountNamespaceId = _IOR(0xb7, 0x5, std::uint64_t);  // NS_GET_MNTNS_ID
  const auto own = own_namespace("mnt");
  std::uint64_t number = 0;
  if (!own.ok() || ioctl(own.value().get(), kGetMountNamespaceId, &number) != 0) return 0;
  return number;
}

Status unshare_mounts() {
  if (unshare(CLONE_NEWNS) != 0) return failed("making a mount namespace");
  return {};
}

// Kernel: a mount namespace can be pinned only in one with a lower number (mnt_ns_loop()), which once
// meant an older one. Linux 6.18 hands out numbers in batches per CPU, so a newer one may have a lower
// number; the CPU that numbered ours goes on with higher ones.
Status make_mount_namespace() {
  const std::uint64_t ours = mount_namespace_number();
  const auto can_be_pinned = [ours] { return ours == 0 || mount_namespace_number() > ours; };
  OVL_CHECK(unshare_mounts());
  cpu_set_t allowed;
  if (can_be_pinned() || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return {};
  for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    if (sched_setaffinity(0, sizeof one, &one) != 0) continue;
    OVL_CHECK(unshare_mounts());
    if (can_be_pinned()) return {};
  }
  return Error{.code = Errc::kernel,
               .message = "no CPU of ours makes a mount namespace that can be pinned here",
               .hint = "run ovl with all CPUs allowed (see taskset)"};
}

// In a thread of its own, inside the network namespace; what it binds itself to ends with it.
Result<NodeNamespaces> become_node(const NodeWish& wish) {
  OVL_CHECK(make_mount_namespace());
  if (unshare(CLONE_NEWUTS) != 0) return failed("making a UTS namespace");
  if (sethostname(wish.hostname.data(), wish.hostname.size()) != 0) {
    return failed("naming " + wish.hostname);
  }
  OVL_TRY(const std::vector<UniqueFd> taken, take_shared(wish));
  OVL_CHECK(hide_machine(wish));
  for (std::size_t i = 0; i < taken.size(); ++i) OVL_CHECK(place_shared(wish.shared[i], taken[i]));
  NodeNamespaces spaces;
  OVL_TRY(spaces.mount, own_namespace("mnt"));
  OVL_TRY(spaces.uts, own_namespace("uts"));
  return spaces;
}

Status enter(const std::string& pin, int type) {
  const UniqueFd fd(open(pin.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.valid()) return failed("opening " + pin);
  if (setns(fd.get(), type) != 0) return failed("entering " + pin);
  return {};
}

// ---- what must be in sight inside ------------------------------------------------------------------

using FileId = std::pair<dev_t, ino_t>;

std::optional<FileId> id_of(const std::string& path) {
  struct stat info {};

  if (stat(path.c_str(), &info) != 0) return std::nullopt;
  return FileId{info.st_dev, info.st_ino};
}

std::vector<std::optional<FileId>> ids_of(const std::vector<std::string>& paths) {
  std::vector<std::optional<FileId>> ids;
  ids.reserve(paths.size());
  for (const std::string& path : paths) ids.push_back(id_of(path));
  return ids;
}

// The same paths, seen from outside and from inside.
class Sight {
 public:
  explicit Sight(const NodePins& pins) : outside_(ids_of(own_)) {
    for (const SharedFile& file : pins.shared) {
      shared_.push_back(file.target);
      sources_.push_back(id_of(file.source));
    }
  }

  // Inside: a directory of the node's own is another than outside, a file of the lab's is that very file.
  [[nodiscard]] Status check() const {
    for (std::size_t i = 0; i < own_.size(); ++i) {
      const auto inside = id_of(own_[i]);
      if (!inside || inside == outside_[i]) return lost(own_[i]);
    }
    for (std::size_t i = 0; i < shared_.size(); ++i) {
      if (id_of(shared_[i]) != sources_[i]) return lost(shared_[i]);
    }
    return {};
  }

 private:
  static Error lost(const std::string& path) {
    return Error{.code = Errc::conflict,
                 .message = fmt::format("{} is no longer the lab's: somebody outside of it has removed the "
                                        "place that it was mounted on",
                                        path),
                 .hint = "nothing was run; end the lab and start it anew: ovl lab down, then ovl lab up"};
  }

  std::vector<std::string> own_ = private_directories();
  std::vector<std::optional<FileId>> outside_;
  std::vector<std::string> shared_;
  std::vector<std::optional<FileId>> sources_;
};

}  // namespace

Result<NodeNamespaces> make_node(const NodeWish& wish) {
  return run_in_namespace(wish.netns_fd, [&wish] { return become_node(wish); });
}

Status pin(const UniqueFd& space, const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0));
  if (!file.valid()) return failed("making " + path);
  if (mount(path_of(space).c_str(), path.c_str(), "none", MS_BIND, nullptr) != 0) {
    return failed("mounting a namespace on " + path);
  }
  return {};
}

Status unpin(const std::string& path) {
  // Mounts may be stacked; EINVAL is "no mount".
  while (umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
  }
  if (errno != EINVAL && errno != ENOENT) return failed("unmounting " + path);
  if (std::remove(path.c_str()) != 0 && errno != ENOENT) return failed("removing " + path);
  return {};
}

Status enter_node(const NodePins& pins) {
  std::error_code ignored;  // a directory that is gone: stay at the root
  const std::filesystem::path here = std::filesystem::current_path(ignored);
  const Sight sight(pins);
  OVL_CHECK(enter(pins.uts, CLONE_NEWUTS));
  OVL_CHECK(enter(pins.net, CLONE_NEWNET));
  OVL_CHECK(enter(pins.mount, CLONE_NEWNS));
  OVL_CHECK(sight.check());
  if (!here.empty()) std::filesystem::current_path(here, ignored);
  return {};
}

}  // namespace ovl
