// What one manifest would change that another one has made, without a cluster to try it on.
#pragma once

#include "reconcile/pipeline.hpp"

namespace ovl {

struct CompareInput {
  const Manifest& before;
  const Manifest& after;
  StoreView view;      // what a keystore holds; empty: none is asked, and every open value is chosen anew
  Origin origin;       // of `after`
  HostName host = {};  // its objects are compared too; empty: records alone
  std::optional<Policy> host_policy = {};
  std::optional<DestroyLimit> max_destroy = {};
  std::int64_t now = 0;  // for policies with windows
};

// The plan of `after` on a cluster that stands as `before` says. Its problems are those of `after`; those of
// `before` are none of its business.
Planned compare(const CompareInput& input);

}  // namespace ovl
