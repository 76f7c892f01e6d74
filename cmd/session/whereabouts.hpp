// Which host this machine is, for messages to whoever stands on the wrong one.
#pragma once

#include <optional>

#include "cmd/session/context.hpp"

namespace ovl {

// The host that was named; else the one that this machine has applied as; where it never did, the declared or
// recorded one of its name. None: it is none of them, or nobody may know. named: may be empty.
std::optional<HostName> this_host(const GlobalOptions& global, Context& context, const std::string& named);

// The error for an endpoint whose namespace is not here: where it is, by its record or else the manifest.
// `missing` where that tells nothing else. named: as for this_host().
Error not_here(const GlobalOptions& global, Context& context, const std::string& named, const Label& endpoint,
               Error missing);

// Whether a plan that was saved for `host` is carried out there; empty: for the cluster alone. Errors: guard.
Status check_made_for(const GlobalOptions& global, Context& context, const std::string& host);

}  // namespace ovl
