// Reads a manifest's files out of a tree by the git program, as drivers/git/libgit2/tree_reader.hpp does by
// libgit2: with the same limits, and refusing the same.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/git/repository.hpp"

namespace ovl {

// An object as `git cat-file --batch` prints it.
struct GitObject {
  std::string id;
  std::string type;  // empty: there is no such object here
  std::size_t size = 0;
  std::string content;  // empty where only the header was asked for
};

// Objects by their names, in order; with their content or only their headers.
using ReadObjects =
    std::function<Result<std::vector<GitObject>>(const std::vector<std::string>& names, bool content)>;

// One entry of a tree, or of an index.
struct GitEntry {
  unsigned mode = 0;
  std::string name;  // in its folder; of an index: from the top
  std::string id;
  unsigned stage = 0;  // of an index: not 0 in a conflict
};

// The entries of a tree object. Errors: manifest (it is malformed, out of order, or has a name twice).
Result<std::vector<GitEntry>> entries_of(const GitObject& tree, const std::string& folder);

// The manifest below what.path in the tree `top`. Errors: not_found, manifest, io.
Result<Sources> read_git_tree(const ReadObjects& read, const std::string& top, const TreeRead& what);

// The same of an index's entries. Errors: not_found, manifest, io.
Result<Sources> read_git_index(const ReadObjects& read, const std::vector<GitEntry>& entries,
                               const TreeRead& what);

}  // namespace ovl
