// What post-receive was kept from, made good by hand.
#pragma once

#include <string>

#include "drivers/git/repository.hpp"

namespace ovl {

// Tells what the repository has taken and never applied, and lets its post-receive do so now, with the
// options of that script, where it is this account's. Nothing to make good: says nothing.
// Errors: io, guard (a damaged script); what the apply answers is told, and no error.
Status make_good(GitRepository& repository, const std::string& post_receive);

}  // namespace ovl
