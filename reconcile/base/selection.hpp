// Stage "select": the part of a plan that was asked for, by address. Exact, down to one object.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "model/plan/plan.hpp"
#include "reconcile/words/change_name.hpp"

namespace ovl {

// Targets pull in what they need; what is excluded takes along what needs it. Both at once: first the
// targets, then without the excluded.
struct Selection {
  std::vector<ChangeName> targets;   // empty: everything
  std::vector<ChangeName> excludes;  // empty: nothing

  [[nodiscard]] bool all() const { return targets.empty() && excludes.empty(); }
};

// The record changes that are selected, in the order in which they stand.
std::vector<RecordChange> select(const std::vector<RecordChange>& changes, const Selection& selection);

// `current` after these changes and no others, their records taken from `desired`.
Records with_changes(const Records& current, const Records& desired,
                     const std::vector<RecordChange>& changes);

// Errors: guard, when a part of the changes leaves two holders of an address, a MAC or a VNI: the other
// part has to come along.
Status check_whole(const Records& records);

// Without the records that the names cover, and without what stands on those.
Records without(const Records& records, const std::vector<ChangeName>& names);

// Whether a record is covered by the name.
bool has_record(const Records& records, const ChangeName& name);

// What one host's objects are under records: project(), with everything but the records bound.
using Projection = std::function<HostObjects(const Records&)>;

// Removes from plan.object_changes what is not selected. A record's objects are those that are others,
// or not there, without it: `desired` are the records that the plan makes true, `realised` those that
// this host stands at.
void select_objects(Plan& plan, const Selection& selection, const Records& desired, const Records& realised,
                    const Projection& project);

// Every name must be that of a record, of an object that is desired or observed, or of a change. Errors:
// not_found.
Status check_known(const std::vector<ChangeName>& names, const Plan& plan,
                   std::initializer_list<const Records*> records);

}  // namespace ovl
