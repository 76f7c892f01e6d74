// Stage "diff", host scope: desired against observed objects. Pure; a merge of sorted vectors per
// namespace and kind. Decides what is ours, what falls with what, and what stands in the way.
#pragma once

#include <span>
#include <string>

#include "model/plan/plan.hpp"
#include "reconcile/objects/adopt.hpp"
#include "reconcile/words/change_name.hpp"

namespace ovl {

// A sysctl that an earlier apply changed: what it was, and what we made it.
struct ChangedSysctl {
  NetnsName netns;
  std::string path;
  std::string original;
  std::string ours;
};

// Which objects are to be made anew though they are as desired. Of records: their links.
using Replaces = std::vector<ChangeName>;

// Fills plan.spaces, plan.object_changes, plan.originals and plan.conflicts from plan.desired and
// plan.observed. Precondition: plan.observed covers the namespaces of plan.desired and of every object
// that ovl may own.
// adoption: what exists and may be taken over.
void diff_objects(Plan& plan, std::span<const ChangedSysctl> changed, const Replaces& replaces = {},
                  const Adoption& adoption = {});

// The device that an object stands on; empty when it stands on none.
IfName device_of(const ObjectRef& object);

}  // namespace ovl
