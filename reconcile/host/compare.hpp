// Stage "compare": what this host must hold against what it holds.
#pragma once

#include <optional>

#include "model/plan/plan.hpp"
#include "reconcile/host/observe.hpp"
#include "reconcile/objects/full_ttl.hpp"
#include "reconcile/task/task.hpp"
#include "reconcile/task/world.hpp"

namespace ovl {

struct Comparison {
  const Records& desired;             // that Plan::desired follows from
  const Records* realised = nullptr;  // that this host stands at; needed for a selection alone
  Projection project = {};            // likewise: Plan::desired of other records
  Look look = Look::as_remembered;
  const FullTtlWord& full_ttl;
  bool keeps_all = false;  // what is desired may be old: a removal needs the store's word
};

// Fills the plan's observed objects, its changes, and its conflicts with what is there. Answers the host's
// filter as it is to be in the end, where the plan leaves that to an apply of what others have said since.
// Errors: as Kernel and State; usage and not_found for what is to be taken over.
Result<std::optional<NftTable>> compare(const Task& task, World& world, const Comparison& with, Plan& plan);

}  // namespace ovl
