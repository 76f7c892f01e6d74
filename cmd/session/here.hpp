// What this machine's kernel holds now, against the records: for the verbs that read.
#pragma once

#include "cmd/session/context.hpp"

namespace ovl {

// A look at this host. Where it can't be looked at, `why` says so: no privileges, not one of the hosts.
struct LookHere {
  HostName host;  // empty: nothing was looked at
  Plan plan;      // what an apply of host scope would do
  std::string why;
  bool is_stranger = false;  // it is none of the hosts, as far as that could be told
};

LookHere look_here(const GlobalOptions& global, const PlanOptions& options);

}  // namespace ovl
