// Where a verb's manifest comes from: files where the user stands, a git revision, or a saved plan.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cmd/base/options.hpp"
#include "drivers/git/repository.hpp"
#include "model/plan/plan.hpp"

namespace ovl {

struct ManifestSource {
  Sources files;
  Origin origin;
  bool dirty = false;     // the files are not those of the commit
  bool shallow = false;   // the clone's history has no beginning, so that they have no source in it
  bool revision = false;  // from the object database: there is no folder beside the files
  std::string content;    // names a revision's files for ManifestCache; empty: too small to be worth it
  std::unique_ptr<GitRepository> repository;  // absent: a plain folder
};

// The repository that --repo names, or the one where the user stands. Errors: not_found, guard, io.
Result<std::unique_ptr<GitRepository>> repository_of(const PlanOptions& options);

// The files that PATH, --repo and --ref name. Errors: as of read_sources() and read_revision().
Result<ManifestSource> find_manifest(const PlanOptions& options);

// Where files that were read from disk come from, for what changes the records: the repository, and what its
// HEAD says. Errors: guard (somebody else's repository), io.
Status find_origin(ManifestSource& source, const std::string& path);

// Whether the files, and where they say that they come from, are what a plan of that commit would read: a
// saved plan was in somebody's hands meanwhile.
bool is_of_commit(GitRepository& repository, const Origin& origin, const Sources& files);

}  // namespace ovl
