#include "drivers/kernel/kinds/netns.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>

#include "drivers/kernel/netlink/errors.hpp"

namespace ovl {

namespace {

constexpr mode_t kDirectoryMode = 0755;

bool is_nsfs(int fd) {
  struct statfs info {};

  return fstatfs(fd, &info) == 0 && info.f_type == NSFS_MAGIC;
}

// The empty file without permissions that `ip netns add`, or create() below, leaves when it is
// killed before the mount.
bool is_left_over(int fd) {
  struct stat info {};

  return fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size == 0 && (info.st_mode & 0777) == 0 &&
         !is_nsfs(fd);
}

Error io_error(std::string_view what, int os_errno) {
  return kernel_error(what, os_errno, {}, Errc::io);
}

// The mount that gives a namespace its name. Kernel: nsfs files can be bind-mounted by their owner.
Status mount_here(const std::string& path) {
  if (mount("/proc/thread-self/ns/net", path.c_str(), "none", MS_BIND, nullptr) == 0) return {};
  return io_error("bind-mounting " + path, errno);
}

// Runs work() in a thread of its own, which may go elsewhere for good, and waits for it.
Status in_thread(const std::function<Status()>& work) {
  Status status;
  try {
    std::thread([&] { status = work(); }).join();
  } catch (const std::system_error& error) {
    status = io_error("starting a thread", error.code().value());
  }
  return status;
}

}  // namespace

UniqueFd open_beneath(int directory, const char* path, int flags, unsigned mode) {
  open_how how{};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return UniqueFd(static_cast<int>(syscall(SYS_openat2, directory, path, &how, sizeof how)));
}

Status enter_namespace(int netns_fd) {
  if (setns(netns_fd, CLONE_NEWNET) == 0) return {};
  return io_error("entering a network namespace", errno);
}

Status enter_new_namespace() {
  if (unshare(CLONE_NEWNET) == 0) return {};
  return io_error("making a network namespace", errno);
}

Result<UniqueFd> NamespaceDirectory::open(const NetnsName& name) const {
  const std::string what = "netns " + name.text();
  const UniqueFd directory(::open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  UniqueFd fd;
  if (directory.valid()) fd = open_beneath(directory.get(), name.text().c_str(), O_RDONLY);
  if (!fd.valid() && errno == ENOENT) {
    return Error{.code = Errc::not_found, .message = what + " does not exist", .os_errno = ENOENT};
  }
  const Error foreign{.code = Errc::conflict,
                      .message = fmt::format("{} is not a network namespace", path_of(name)),
                      .hint = fmt::format("remove it: rm -r {}; or use another name", path_of(name))};
  if (!fd.valid() && errno == ELOOP) {
    return Error{
        .code = Errc::conflict,
        .message = fmt::format("{} is a symbolic link, not a network namespace (in its place: ip "
                               "netns attach {} PID)",
                               path_of(name), name.text()),
        .hint = fmt::format("remove the link alone: rm {} (`ip netns delete` takes away what it leads to)",
                            path_of(name))};
  }
  if (!fd.valid() && errno == EXDEV) return foreign;
  if (!fd.valid()) return io_error("opening " + path_of(name), errno);
  if (is_left_over(fd.get())) {
    return Error{.code = Errc::not_found, .message = what + " was never finished", .os_errno = ENOENT};
  }
  if (!is_nsfs(fd.get()) || ioctl(fd.get(), NS_GET_NSTYPE) != CLONE_NEWNET) return foreign;
  return fd;
}

bool NamespaceDirectory::is_unfinished(const NetnsName& name) const {
  const UniqueFd fd(::open(path_of(name).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  return fd.valid() && is_left_over(fd.get());
}

Result<std::vector<NetnsName>> NamespaceDirectory::list() const {
  std::vector<NetnsName> names;
  const Handle<DIR, closedir> directory(opendir(path_.c_str()));
  if (!directory) {
    if (errno == ENOENT) return names;
    return io_error("reading " + path_, errno);
  }
  while (const dirent* entry = readdir(directory.get())) {
    auto name = NetnsName::parse(entry->d_name);
    if (name.ok()) names.push_back(std::move(name).value());
  }
  std::ranges::sort(names);
  return names;
}

// As ip netns: the directory is a shared mount of its own, so that names reach, and leave, other
// mount namespaces (shared by rbind of itself when it is no mount yet).
Status NamespaceDirectory::make_directory() const {
  if (mkdir(path_.c_str(), kDirectoryMode) < 0 && errno != EEXIST) return io_error("making " + path_, errno);
  const auto share = [this] { return mount("", path_.c_str(), "none", MS_SHARED | MS_REC, nullptr); };
  if (share() == 0) return {};
  if (errno != EINVAL) return io_error("sharing the mount " + path_, errno);
  if (mount(path_.c_str(), path_.c_str(), "none", MS_BIND | MS_REC, nullptr) < 0) {
    return io_error("bind-mounting " + path_, errno);
  }
  if (share() < 0) return io_error("sharing the mount " + path_, errno);
  return {};
}

Status NamespaceDirectory::reserve_name(const NetnsName& name) const {
  const std::string path = path_of(name);
  const auto make = [&path] {
    return UniqueFd(::open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0));
  };
  UniqueFd fd = make();
  if (!fd.valid() && errno == EEXIST) {
    const UniqueFd existing(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (existing.valid() && is_left_over(existing.get())) {
      (void)unlink(path.c_str());
      fd = make();
    }
  }
  if (fd.valid()) return {};
  if (errno == EEXIST) {
    return Error{.code = Errc::conflict,
                 .message = fmt::format("netns {}: {} exists", name.text(), path),
                 .hint = "remove it, or use another name",
                 .os_errno = EEXIST};
  }
  return io_error("making " + path, errno);
}

Status NamespaceDirectory::enter_mounts() const {
  if (mounts_.empty()) return {};
  const UniqueFd there(::open(mounts_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!there.valid()) return io_error("opening " + mounts_, errno);
  // Kernel: mntns_install() takes only who shares its root and working directory with no other thread.
  if (unshare(CLONE_FS) != 0 || setns(there.get(), CLONE_NEWNS) != 0) {
    return io_error("entering the mount namespace " + mounts_, errno);
  }
  return {};
}

Status NamespaceDirectory::where_mounts_are(const std::function<Status()>& work) const {
  if (mounts_.empty()) return work();
  return in_thread([&]() -> Status {
    OVL_CHECK(enter_mounts());
    return work();
  });
}

Status NamespaceDirectory::create(const NetnsName& name, const std::function<Status()>& prepare) const {
  OVL_CHECK(where_mounts_are([this] { return make_directory(); }));
  OVL_CHECK(reserve_name(name));
  const std::string path = path_of(name);
  Status status = in_thread([&]() -> Status {
    if (unshare(CLONE_NEWNET) < 0) return io_error("making netns " + name.text(), errno);
    OVL_CHECK(prepare());
    OVL_CHECK(enter_mounts());
    return mount_here(path);
  });
  if (!status.ok()) (void)unlink(path.c_str());
  return status;
}

Status NamespaceDirectory::remove(const NetnsName& name) const {
  const std::string path = path_of(name);
  OVL_CHECK(where_mounts_are([&path]() -> Status {
    if (umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) return {};
    return errno == EINVAL || errno == ENOENT ? Status() : io_error("unmounting " + path, errno);
  }));
  if (unlink(path.c_str()) < 0 && errno != ENOENT) return io_error("removing " + path, errno);
  return {};
}

}  // namespace ovl
