// The git port on libgit2.
#pragma once

#include "drivers/git/repository.hpp"

namespace ovl {

// top: the folder that has the ".git". Errors: io.
Result<std::unique_ptr<GitRepository>> open_libgit2(const std::string& top);

}  // namespace ovl
