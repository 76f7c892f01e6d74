// What a plan would do and may not. Found when the plan is complete, so that it can be read with them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/plan/policy.hpp"

namespace ovl {

// How many records a plan removes, of how many: of all, or of one kind.
struct Removals {
  std::string_view what;  // "records", "networks"
  std::size_t removed = 0;
  std::size_t all = 0;

  // "2 of its 3 networks would be removed"
  [[nodiscard]] std::string text() const;
};

// Those that a limit does not let pass: the first in the order all, hosts, networks, endpoints. A share is
// one of each kind too, so that many endpoints don't hide that all networks go; one single record is never
// too many of its kind. `current`: the records that are there now.
std::optional<Removals> too_many_removals(const Plan& plan, const Records& current,
                                          const DestroyLimit& limit);

// Without a limit the half of a cluster's records, and of each kind, may go, or all of them when that is
// what was asked for (Plan::destroy).
// Code guard: a protected record that would go or be replaced; more removals than the limit.
std::vector<Finding> refusals_of(const Plan& plan, const Records& current,
                                 const std::optional<DestroyLimit>& limit);

}  // namespace ovl
