// A plan's JSON back as a plan: what can be shown again as it was. The reverse of plan_json().
#pragma once

#include <deque>
#include <string>
#include <tuple>
#include <vector>

#include "model/plan/plan.hpp"

namespace ovl {

// A plan and the objects that its changes point at. What is not in a plan's JSON is not in it: the whole of
// `desired` and `observed`, and the codes of findings. Of nftables' tables it knows how much is in them, and
// as text what is in them on one side alone.
struct DecodedPlan {
  Plan plan;

  DecodedPlan() = default;
  DecodedPlan(const DecodedPlan&) = delete;
  DecodedPlan& operator=(const DecodedPlan&) = delete;
  DecodedPlan(DecodedPlan&&) noexcept = default;
  DecodedPlan& operator=(DecodedPlan&&) noexcept = default;
  ~DecodedPlan() = default;

  // Deques, as what they hold stays where it is.
  std::tuple<std::deque<Netns>, std::deque<NftTable>, std::deque<Link>, std::deque<Sysctl>,
             std::deque<Address>, std::deque<Route>, std::deque<Neighbour>, std::deque<Fdb>,
             std::deque<HostsFile>>
      objects;
};

// The names of the fields that each change of an object is about, in the plan's order: of its JSON only the
// objects tell, and of nftables' tables not even those.
Value changed_fields(const Plan& plan);

// changed: what changed_fields() gave. Errors: corrupt, when plan_json() of the plan would not be this JSON
// to the last member, or it names a change twice.
Result<DecodedPlan> decode_plan(const Value& json, const Value& changed);

}  // namespace ovl
