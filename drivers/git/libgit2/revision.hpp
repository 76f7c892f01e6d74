// What a revision's name stands for.
#pragma once

#include <git2.h>

#include <string>

#include "drivers/git/libgit2/handles.hpp"

namespace ovl::git {

// As gitrevisions(7), but for names that somebody who may push tags could take over: a short name is a
// branch's, of this repository or else of a remote, and never a tag's, which is named as tags/NAME; 40
// hexadecimal digits are an object's id, whatever refs are called so. Errors: not_found.
Result<ObjectHandle> find_revision(git_repository* repository, const std::string& revision);

}  // namespace ovl::git
