// The folder in which git keeps the objects of a push until its hooks have taken it (git-receive-pack(1)).
#pragma once

#include <string>

#include "model/base/result.hpp"

namespace ovl {

// The real path of `folder`, which somebody names as the quarantine of the repository with this folder of
// objects. Errors: guard, when git made it for no push to there, or it is somebody else's.
Result<std::string> quarantine_of(const std::string& objects, const std::string& folder);

}  // namespace ovl
