// What has moved on this host since it applied, told from what is wished otherwise now.
#pragma once

#include "model/plan/plan.hpp"

namespace ovl {

// Sets ObjectChange::drift of plan.object_changes. applied: what the last apply here wanted.
void mark_drift(const HostObjects& applied, Plan& plan);

}  // namespace ovl
