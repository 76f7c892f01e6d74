// One change in words: its kind, its fields. Text is made here, for what is shown only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/plan/plan.hpp"
#include "reconcile/words/change_name.hpp"

namespace ovl {

// The object as a value; null for none.
Value value_of(const ObjectRef& object);

// {id, subject, message, hint} of each.
Value value_of(const std::vector<Finding>& findings);

// "link": of what a change is, without making its name.
std::string_view kind_of(const ObjectChange& change);

// The fields of `change` that differ, in the order of the kind's table.
std::vector<FieldDelta> fields_of(const ObjectChange& change);

// The object on one line, without its name: "vxlan, vni 1048576, mtu 1450".
std::string summary_of(const ObjectRef& object);

// A field's value in a plan's text.
std::string text_of(const Value& value);

// "network.a: traffic with other hosts, at most 5 ms".
std::string text_of(const Interruption& interruption);

// "absent", "not declared", ... as people say it.
std::string_view words_for(Reason reason);

// "OVL_HOST, OVL_KEYSTORE": Plan::environment.
std::string environment_text(const Plan& plan);

// How many of each action, as numbers under the actions' names.
Value counts_value(const PlanCounts& counts);

// The same of a whole plan, and beside it of its records, its objects and its drift alone.
Value counts_value(const Plan& plan);

// {"source": 3, ...}: what the filters of these tables have dropped, by reason.
Value dropped_json(const HostObjects& observed, const Label& cluster);

}  // namespace ovl
