// Whose the files are that ovl keeps in a repository.
#pragma once

#include <string>

#include "model/base/result.hpp"

namespace ovl {

// Gives what root has made in REPO/ovl to the account that the repository belongs to, whose hooks use it.
// Nothing, where that is root or the caller is not. Follows no link. Errors: io.
Status leave_to_owner(const std::string& repository);

}  // namespace ovl
