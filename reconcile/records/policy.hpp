// What a plan would do and a policy does not allow. Pure; merged with the other refusals of a complete plan.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/plan/policy.hpp"

namespace ovl {

struct PolicyInput {
  const Plan& plan;        // its changes to records
  const Records& desired;  // as they would be after it
  const Records& current;  // as they are
  std::int64_t now = 0;    // seconds since the epoch
  std::string signer;      // see Request::signer
  std::string unsigned_because;
};

// Code guard. Rules of values (subnets, hosts, vni) judge every desired record, also one that stands already:
// a policy that got stricter is seen at once. All others judge changes, so that an empty plan passes.
std::vector<Finding> violations(const PolicyInput& input, const Policy& policy);

}  // namespace ovl
