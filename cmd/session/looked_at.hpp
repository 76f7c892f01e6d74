// What a plan was made from, for who asks with -v.
#pragma once

#include <string>

#include "cmd/session/context.hpp"
#include "reconcile/run/apply.hpp"

namespace ovl {

// Lines for stderr: the manifest's files, what the keystore holds, how much of this host was looked at.
std::string looked_at_text(const Context& context, const Planned& planned);

}  // namespace ovl
