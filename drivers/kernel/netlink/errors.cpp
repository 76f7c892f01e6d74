#include "drivers/kernel/netlink/errors.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "model/base/refusal.hpp"

namespace ovl {

std::string errno_name(int os_errno) {
  const char* name = strerrorname_np(os_errno);
  return name != nullptr ? std::string(name) : fmt::format("errno {}", os_errno);
}

Errc errc_of(int os_errno, Errc otherwise) {
  const bool about_us = os_errno == EPERM || (os_errno == EACCES && ::geteuid() != 0);
  return about_us ? Errc::privilege : otherwise;
}

Error kernel_error(std::string_view what, int os_errno, std::string_view detail, Errc otherwise) {
  while (detail.ends_with('.') || detail.ends_with('\n')) detail.remove_suffix(1);
  std::string message = fmt::format("{}: {}", what, errno_name(os_errno));
  if (!detail.empty()) {
    message += fmt::format(" ({})", detail);
  } else if (const char* description = strerrordesc_np(os_errno)) {
    message += fmt::format(" ({})", description);
  }
  if (detail == "Unknown device type") {
    return Error{.code = Errc::unsupported,
                 .message = std::move(message),
                 .hint = "the kernel needs its modules bridge, vxlan and veth: load or build them",
                 .os_errno = os_errno};
  }
  const bool refused = os_errno == EPERM || os_errno == EACCES || os_errno == EROFS;
  return Error{.code = errc_of(os_errno, otherwise),
               .message = std::move(message),
               .hint = refused ? std::string(remedy_of_refusal(os_errno, ::geteuid() == 0)) : "",
               .os_errno = os_errno};
}

}  // namespace ovl
