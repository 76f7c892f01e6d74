// What one manifest would change that another one has made, without a cluster to try it on.
#pragma once

#include "reconcile/run/plan.hpp"

namespace ovl {

// The plan of the task's manifest on a cluster that stands as `before` says. view: what a keystore holds;
// empty: none is asked, and every open value is chosen anew. Objects of the task's host are compared too;
// without one, records alone. Its problems are those of the task's manifest; those of `before` are none of
// its business. Errors: as draft().
Result<Planned> compare_manifests(const Manifest& before, const Task& task, StoreView view, std::int64_t now);

}  // namespace ovl
