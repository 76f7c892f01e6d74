// The cluster as the manifest here asks for it, for the verbs that read.
#pragma once

#include <optional>

#include "cmd/session/context.hpp"

namespace ovl {

// The same cluster with the records that the manifest asks for; none: no manifest, or a broken one.
std::optional<StoreView> desired_view(const Context& context, const StoreView& view);

}  // namespace ovl
