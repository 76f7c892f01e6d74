// Stage "resolve", last: a VTEP that an interface has is one host's alone.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/plan/plan.hpp"

namespace ovl {

// Whose VTEP is whose, before this plan.
struct HeldVteps {
  const std::map<std::string, std::string>& claims;  // of the store: claim -> holder
  const Records& known;                              // what the plan starts from
  const Facts& facts;                                // what the hosts say of themselves
};

// Of several hosts with one VTEP it stays with the one that holds it; where none does, with one whose
// manifest says the address, then with the first by name, this machine last, and one that was forgotten
// after that. Each other one keeps the VTEP that it had, or none, and is a finding (guard, "vtep-taken") that
// names both: it has no part in the cluster until its interface has an address of its own. So does one whose
// interface has a new address inside a host's gateway pool ("pool-in-use").
std::vector<Finding> keep_vteps_apart(const HeldVteps& held, const HostName& here, Records& desired);

}  // namespace ovl
