// Whom this machine asks for names, and whom its endpoints can ask instead: resolv.conf(5).
#pragma once

#include "drivers/kernel/linux.hpp"
#include "model/records/records.hpp"

namespace ovl {

struct Nameservers {
  // All that resolv.conf names; where it names the machine's own resolver, those that this one asks too.
  std::vector<IpAddress> all;
  // Only where resolv.conf names an address of the loopback.
  std::optional<Resolver> instead;
};

// Reads options.resolv_conf and, where that names an address of the loopback and nobody whom endpoints
// reach, the first of options.real_resolv_conf that does. A file that can't be read names nobody.
Nameservers read_nameservers(const LinuxKernelOptions& options);

}  // namespace ovl
