#include "drivers/kernel/look/address_watch.hpp"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "drivers/kernel/netlink/errors.hpp"

namespace ovl {

Result<AddressWatch> AddressWatch::open() {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (!fd.valid()) return kernel_error("opening a NETLINK_ROUTE socket", errno, {}, Errc::io);
  sockaddr_nl groups{};
  groups.nl_family = AF_NETLINK;
  groups.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&groups), sizeof groups) != 0) {
    return kernel_error("binding a NETLINK_ROUTE socket", errno, {}, Errc::io);
  }
  return AddressWatch(std::move(fd));
}

// What they say does not matter; of too many some are lost (ENOBUFS), which is a change, too.
bool AddressWatch::has_changed() {
  std::array<char, 4096> message{};
  bool changed = false;
  while (true) {
    const ssize_t size = ::recv(fd_.get(), message.data(), message.size(), MSG_DONTWAIT);
    if (size < 0 && errno != ENOBUFS && errno != EINTR) return changed;
    changed = changed || size >= 0 || errno == ENOBUFS;
  }
}

}  // namespace ovl
