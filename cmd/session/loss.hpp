// For the verbs that read: a store that has lost a cluster, or holds another or an older one, looks like one
// that never had it.
#pragma once

#include <string>

#include "cmd/session/context.hpp"

namespace ovl {

// What the view lacks of what is remembered here, in one line; empty: nothing, or nothing is remembered.
std::string loss_of(const GlobalOptions& global, const PlanOptions& options, Context& context,
                    const StoreView& view);

// The same as an error, of code guard.
Status tell_loss(const GlobalOptions& global, const PlanOptions& options, Context& context,
                 const StoreView& view);

// What this host holds while its store can't be reached; empty: it remembers nothing.
std::string alone_text(const GlobalOptions& global, const PlanOptions& options);

}  // namespace ovl
