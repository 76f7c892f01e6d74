// Stage "diff", cluster scope: desired against current records. Pure.
#pragma once

#include <vector>

#include "model/plan.hpp"
#include "model/records.hpp"

namespace ovl {

// The changes in an order in which every prefix is safe: endpoints and networks go first, endpoints
// before the networks they are on; then come hosts, networks, endpoints.
// How a record is called everywhere: network.my-net, or endpoint.web["my-net"].
std::string record_address(const RecordChange& change);

std::vector<RecordChange> diff_records(const Records& desired, const Records& current);

// The members in which two encoded objects differ, by name.
std::vector<FieldDelta> delta_of(const Value& before, const Value& after);

}  // namespace ovl
