// Errors of the kernel in words: message type, object, errno name and the extended acknowledgement.
#pragma once

#include <string>
#include <string_view>

#include "model/base/result.hpp"

namespace ovl {

// "EBUSY"; a number when the C library has no name for it.
std::string errno_name(int os_errno);

// privilege for EPERM, and for EACCES without root: root's is the object's own word, as where IPv6 is
// switched off (addrconf_add_dev()). Else `otherwise`.
Errc errc_of(int os_errno, Errc otherwise);

// `what` names the call and the object: "RTM_NEWLINK link ovl-a:br0". `detail` is the kernel's text.
Error kernel_error(std::string_view what, int os_errno, std::string_view detail = {},
                   Errc otherwise = Errc::kernel);

}  // namespace ovl
