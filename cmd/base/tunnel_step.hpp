// A change of a network's VNI or port, which goes in three steps.
#pragma once

#include <string>

#include "model/plan/plan.hpp"

namespace ovl {

// "vni 1048576 -> 5000 (step 1 of 3: every host gets a second tunnel)"; empty when the change is no step.
std::string tunnel_step_text(const RecordChange& change);

// Whether such a text has said what this field of the record says.
bool is_of_tunnel_step(const FieldDelta& field);

}  // namespace ovl
