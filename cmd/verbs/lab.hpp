// ovl lab up|exec|status|down: one machine as the manifest's cluster. Each function answers the
// process's exit code.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace ovl {

struct LabOptions {
  std::string directory;             // of the manifest; empty: the lab one stands in, or the only one
  std::string host;                  // for exec: a host, "router" or "outside"
  std::vector<std::string> command;  // for exec; not empty
  bool json = false;                 // for status
  std::string root = "/run/ovl/lab";
};

// Starts the lab of a directory. 0 also when it is up already.
int lab_up(const LabOptions& options, std::ostream& out, std::ostream& err);

// Becomes the command, inside a host; returns only on failure: 125, 126 (can't be run), 127 (not found).
int lab_exec(const LabOptions& options, std::ostream& out, std::ostream& err);

// Labs with their hosts, addresses and processes.
int lab_status(const LabOptions& options, std::ostream& out, std::ostream& err);

// Ends every process inside and removes the lab. 0 also when there is none.
int lab_down(const LabOptions& options, std::ostream& out, std::ostream& err);

}  // namespace ovl
