// The git port on the git program, for repositories that libgit2 can't read, such as those with SHA-256.
#pragma once

#include "drivers/git/repository.hpp"

namespace ovl {

// top: the folder that has the ".git", or a bare repository. Errors: not_found (git is not installed), guard
// (what ".git" leads to is somebody else's), io (git can't read it either; with its words).
Result<std::unique_ptr<GitRepository>> open_git_program(const std::string& top);

}  // namespace ovl
