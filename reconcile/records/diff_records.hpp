// Stage "diff", cluster scope: desired against current records. Pure.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "model/plan/plan.hpp"
#include "model/records/records.hpp"

namespace ovl {

// The changes in an order in which every prefix is safe: endpoints and networks go first, endpoints
// before the networks they are on; then come hosts, networks, endpoints.
// A record that is gone while one with its id has come is one change, of its name.
std::vector<RecordChange> diff_records(const Records& desired, const Records& current);

// The members in which two encoded objects differ, by name.
std::vector<FieldDelta> delta_of(const Value& before, const Value& after);

// Whether an update changes one of these members.
bool touches(const RecordChange& change, std::initializer_list<std::string_view> fields);

// A record's member that is a string; empty: it has none.
std::string text_in(const Value& record, std::string_view member);

}  // namespace ovl
