// Where in the manifest something comes from that a plan speaks of.
#pragma once

#include <optional>
#include <string_view>

#include "model/manifest/manifest.hpp"

namespace ovl {

// The place of the block, or of the line in it, that the subject of a plan's change or finding comes from.
// subject: an address ("network.a", `endpoint.web["a"]`, `link.ovl-a["vxlan0"]`), an object as findings call
// it ("netns web", "link ovl-a:vxlan0"), a key of the store ("endpoints/a/web") or "cluster demo".
// host: the one whose objects the plan has; its own namespace and gateway come from its block. Empty: none.
// None: the manifest does not declare it (any more).
std::optional<Place> place_of(const Manifest& manifest, const HostName& host, std::string_view subject);

}  // namespace ovl
