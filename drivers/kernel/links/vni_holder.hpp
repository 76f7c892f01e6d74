// Who has a VNI that we want: the kernel only says that somebody has.
#pragma once

#include <string>

#include "drivers/kernel/space.hpp"
#include "model/kinds/link.hpp"

namespace ovl {

// "vxlan7 in netns blue" for the VXLAN device, in the host's own or a named namespace, that has the
// wanted VNI and port; nullopt when there is none to be seen. Opens every namespace: for errors only.
Result<std::optional<std::string>> find_vni_holder(const NamespaceDirectory& directory, const Link& wanted);

}  // namespace ovl
