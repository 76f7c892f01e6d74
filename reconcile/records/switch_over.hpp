// Changes of a VNI or a UDP port: they concern all hosts of a network, so they go in generations, and each
// waits until every host has realised the one before. Pure.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "model/records/records.hpp"

namespace ovl {

struct SwitchOver {
  const Records& current;    // as they are, under today's names
  std::int64_t next_serial;  // of the generation that is being made
  // Whether a host has realised a generation.
  std::function<bool(const HostName& host, std::int64_t serial)> has_realised;
};

// Puts the next step into `desired` where a network's VNI or port is to be another than today's: the twin,
// the switch, the end of the twin, or nothing but a line in `waiting` that names the hosts.
void stage_switches(const SwitchOver& in, Records& desired, std::vector<std::string>& waiting);

// The VXLAN device of a network that sends, and the one that its twin has.
IfName sending_device(const NetworkRecord& network);
IfName twin_device(const NetworkRecord& network);

}  // namespace ovl
