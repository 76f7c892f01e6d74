// Reads a manifest's files out of a tree or an index. What stands there is somebody's words.
#pragma once

#include <git2.h>

#include <string>
#include <string_view>

#include "drivers/git/repository.hpp"

namespace ovl::git {

// Collects files within the limits of a TreeRead. Its errors are Errc::manifest with a remedy.
class FileCollector {
 public:
  FileCollector(git_odb* odb, const TreeRead& what) : odb_(odb), what_(what) {}

  // The blob `id` as the file `name`, from the top. Errors: manifest, io.
  Status add(const git_oid& id, const std::string& name);

  // One more entry was looked at, or work was done that takes as long as `entries`: a small tree can stand
  // for more than anybody can visit. Errors: manifest.
  Status visited(const std::string& name, std::size_t entries = 1);

  // All files, sorted by name. Errors: manifest (a name stands there twice).
  Result<Sources> take();

 private:
  git_odb* odb_;
  const TreeRead& what_;
  Sources sources_;
  std::size_t total_ = 0;
  std::size_t visited_ = 0;
};

// The manifest below what.path in `top`. Errors: not_found, manifest, io.
Result<Sources> read_tree(git_repository* repository, const git_tree* top, const TreeRead& what);

// The same of an index. Errors: not_found, manifest, io.
Result<Sources> read_index_entries(git_repository* repository, git_index* index, const TreeRead& what);

}  // namespace ovl::git
