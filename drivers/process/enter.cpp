#include "drivers/process/enter.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "model/base/handle.hpp"
#include "model/base/refusal.hpp"

namespace ovl {

namespace {

Error system_error(std::string_view what) {
  const int number = errno;
  const bool denied = number == EPERM || number == EACCES;
  return Error{.code = denied ? Errc::privilege : Errc::io,
               .message = fmt::format("{}: {}", what, std::strerror(number)),
               .hint = denied ? std::string(remedy_of_refusal(number, ::geteuid() == 0)) : "",
               .os_errno = number};
}

Status bind_files(const std::string& directory) {
  const Handle<DIR, closedir> entries(opendir(directory.c_str()));
  if (!entries) return {};
  while (const dirent* entry = readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    const std::string from = fmt::format("{}/{}", directory, name);
    const std::string to = fmt::format("/etc/{}", name);
    // A file that /etc does not have has nothing to be mounted on.
    if (mount(from.c_str(), to.c_str(), "none", MS_BIND, nullptr) != 0 && errno != ENOENT) {
      return system_error(fmt::format("mounting {} on {}", from, to));
    }
  }
  return {};
}

}  // namespace

Status remount_sys() {
  struct statvfs info {};

  const unsigned long flags = statvfs("/sys", &info) == 0 && (info.f_flag & ST_RDONLY) != 0 ? MS_RDONLY : 0;
  if (umount2("/sys", MNT_DETACH) != 0 && errno != EINVAL) return system_error("unmounting /sys");
  if (mount("sysfs", "/sys", "sysfs", flags, nullptr) != 0) return system_error("mounting /sys");
  return {};
}

Status enter_netns(const NetnsName& name, const EnterOptions& options) {
  const std::string path = fmt::format("{}/{}", options.netns_directory, name.text());
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.valid() && errno == ENOENT) {
    return Error{.code = Errc::not_found,
                 .message = fmt::format("there is no namespace {}", name.text()),
                 .hint = "apply first: ovl apply"};
  }
  if (!fd.valid()) return system_error("opening " + path);
  if (setns(fd.get(), CLONE_NEWNET) != 0) return system_error("entering " + path);
  if (unshare(CLONE_NEWNS) != 0) return system_error("making a mount namespace");
  // Slave: our mounts stay here, others' still arrive.
  if (mount("", "/", "none", MS_SLAVE | MS_REC, nullptr) != 0) return system_error("making mounts private");
  OVL_CHECK(remount_sys());
  return bind_files(fmt::format("{}/{}", options.etc_directory, name.text()));
}

Error replace_process(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  std::signal(SIGXFSZ, SIG_DFL);  // which main() ignores
  execvp(arguments.front(), arguments.data());
  Error error = system_error("running " + command.front());
  if (error.os_errno == ENOENT) error.code = Errc::not_found;
  return error;
}

}  // namespace ovl
