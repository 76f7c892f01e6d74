// Who keeps a tunnel from its UDP port: the kernel only says that the address is in use.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/base/values.hpp"

namespace ovl {

// A process with a socket on a UDP port.
struct PortHolder {
  IpAddress address;     // the socket's; unspecified: every address
  std::int64_t pid = 0;  // as this process's procfs numbers it
  std::string program;   // its short name, as it chose it (proc(5), comm): make it safe before showing it
};

// The process whose socket on `port`, in the calling thread's network namespace, keeps a VXLAN device over
// `family` from it; the one with the lowest pid where several share the socket. nullopt: none that can be
// seen. What no process has, as VXLAN's own sockets, is the kernel's and not told; nor is what only another
// PID namespace sees or, without root, another user. `proc`: where procfs is. Looks into every process when
// the port has sockets, and binds the port for a moment where only that tells. Errors: io.
Result<std::optional<PortHolder>> find_port_holder(UdpPort port, Family family,
                                                   const std::string& proc = "/proc");

// "python3 (process 812)", printable ASCII alone.
std::string words_for(const PortHolder& holder);

}  // namespace ovl
