#include "model/plan/plan.hpp"

namespace ovl {

namespace {

void add(PlanCounts& counts, Action action) {
  switch (action) {
    case Action::create: ++counts.create; break;
    case Action::update: ++counts.update; break;
    case Action::replace: ++counts.replace; break;
    case Action::remove: ++counts.remove; break;
    case Action::adopt: ++counts.adopt; break;
    case Action::forget: ++counts.forget; break;
  }
}

}  // namespace

PlanCounts count(const Plan& plan) {
  PlanCounts counts;
  for (const RecordChange& change : plan.record_changes) add(counts, change.action);
  for (const ObjectChange& change : plan.object_changes) add(counts, change.action);
  return counts;
}

PlanParts count_parts(const Plan& plan) {
  PlanParts parts;
  for (const RecordChange& change : plan.record_changes) add(parts.records, change.action);
  for (const ObjectChange& change : plan.object_changes) {
    add(change.drift ? parts.drift : parts.objects, change.action);
  }
  return parts;
}

}  // namespace ovl
