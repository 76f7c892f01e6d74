// The keystore's server inside a lab.
#pragma once

#include <string>
#include <vector>

#include "drivers/lab/node.hpp"
#include "model/manifest/lab.hpp"

namespace ovl {

// Where the server's program is: OVL_LAB_ETCD, OVL_LAB_CONSUL, OVL_LAB_ZOOKEEPER, else PATH, else where
// packages and tools/fetch-consul put it. Errors: not_found, with what to install.
Result<std::string> find_server(const LabServer& server);

// Starts it inside the machine with these pins, with its data and its log below /run there; it ends
// with the lab. Errors: io.
Status start_server(const LabServer& server, const std::string& program, const NodePins& pins);

}  // namespace ovl
