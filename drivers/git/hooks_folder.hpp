// Where git runs the hooks of a repository.
#pragma once

#include <string>

#include "drivers/git/repository.hpp"

namespace ovl {

// As git itself says, with the configuration (core.hooksPath) of this machine, of the account that the
// repository belongs to, and of the repository. Absolute; need not be there.
// Errors: not_found (git is not installed), io (git can't say; with its words).
Result<std::string> hooks_folder(const GitRepository& repository);

// Whether a folder is the repository's alone: below it or its work tree, links followed.
bool is_own_folder(const GitRepository& repository, const std::string& folder);

}  // namespace ovl
