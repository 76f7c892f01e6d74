// What the subnets of a network take away from endpoints that have a way out: what this host reaches at the
// same addresses.
#pragma once

#include <string>
#include <vector>

#include "reconcile/base/allocate.hpp"
#include "reconcile/objects/project.hpp"

namespace ovl {

// Of one host; keeps references to what it is made from.
class SubnetCheck {
 public:
  // self: its record, with the address that it has now.
  SubnetCheck(const ProjectInput& input, const HostRecord& self);

  // Adds a problem for a chosen subnet that holds something of this host's, as held_by_pool() says, and a
  // warning for a declared one that overlaps the subnet by which this host reaches the others.
  void check(const NetworkRecord& network, std::vector<Finding>& problems, std::vector<Finding>& warnings);

 private:
  [[nodiscard]] std::string held_by(const IpPrefix& subnet) const;
  [[nodiscard]] std::string covered_by(const IpPrefix& subnet) const;

  const ProjectInput& in_;
  TakenSpace around_;                    // what this host knows of
  const FactRoute* underlay_ = nullptr;  // of the routes to its own VTEP the longest
};

}  // namespace ovl
