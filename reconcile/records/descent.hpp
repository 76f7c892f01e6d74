// How the commit of a manifest stands to the one that the records come from: what came after that one is not
// to be undone by a checkout that was not updated.
#pragma once

#include <string>
#include <vector>

#include "drivers/git/repository.hpp"
#include "model/plan/plan.hpp"
#include "reconcile/store/revision.hpp"

namespace ovl {

enum class Descent : std::uint8_t {
  follows,  // it is the applied commit, or comes after it
  goes_on,  // it, or one that it comes after, has the very same files, as a squash or a rebase makes them
  behind,   // the applied commit comes after it and has the very same files: there is nothing to undo
  unknown,  // the applied commit is not in this repository
  apart     // it would undo what the applied commit did
};

// origin: of what is to be applied, with the digest of its files, which may be a work tree's; ways: by which
// they may have been named; applied: a commit's id. Errors: io.
Result<Descent> descent_of(GitRepository& repository, const Origin& origin,
                           const std::vector<WayToRead>& ways, const std::string& applied);

}  // namespace ovl
