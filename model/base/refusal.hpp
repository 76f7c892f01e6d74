// What helps who was refused: that is not root's rights alone.
#pragma once

#include <cerrno>
#include <string_view>

namespace ovl {

// The remedy of EACCES, EPERM or EROFS. is_root: the process has root's user id already.
constexpr std::string_view remedy_of_refusal(int os_errno, bool is_root) {
  if (os_errno == EROFS) return "the file system is read-only: make it writable there";
  if (!is_root) return "run as root";
  if (os_errno == EPERM) {
    return "root lacks a capability here, as in a container without CAP_NET_ADMIN and CAP_SYS_ADMIN, or what "
           "it "
           "is about is immutable";
  }
  return "root is refused, too: look at the object's own settings, and for a security module (SELinux, "
         "AppArmor) into the kernel's log";
}

}  // namespace ovl
