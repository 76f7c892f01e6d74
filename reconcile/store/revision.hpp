// A manifest as a git revision has it, from the object database: no checkout, no file of the work tree.
#pragma once

#include <string>
#include <vector>

#include "drivers/git/repository.hpp"

namespace ovl {

struct RevisionManifest {
  Commit commit;
  std::string path;  // the folder that it lies in, below the top; "" is the top
  Sources files;     // named from the top
};

// What `path` names in `revision`: a file, or all *.toml below a folder; an empty path stands for
// all *.toml of `beside` itself. `beside`: the folder below the top that `path` starts from.
// Errors: not_found (no such revision, path, or manifest), manifest (a hostile tree, a limit), usage, io.
Result<RevisionManifest> read_revision(GitRepository& repository, const std::string& revision,
                                       const std::string& path, const std::string& beside = {});

// One way to name a manifest in a commit; see read_revision().
struct WayToRead {
  std::string path;
  std::string beside;
};

// By which a manifest that consists of `files`, of the folder `path` below the top, may have been named.
std::vector<WayToRead> ways_to_read(const std::string& path, const Sources& files);

// The same of what is about to be committed; see GitRepository::read_index().
Result<Sources> read_staged(GitRepository& repository, const std::string& index, const std::string& path);

// Where records come from that are made from `path` in `commit`; see Head::source. Empty: from a shallow
// clone, whose history has no beginning.
std::string source_of(const Commit& commit, const std::string& path);

}  // namespace ovl
