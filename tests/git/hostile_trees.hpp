// Trees as nobody's git would write them, and what an honest reader may make of them.
#pragma once

#include <git2.h>

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/git/hostile_names.hpp"

namespace ovl::test {

// What an entry points to, as it is: its mode may say something else.
struct Node;
using NodePtr = std::shared_ptr<Node>;

struct Entry {
  std::string mode;  // as it stands in the tree: octal digits
  HostileName name;
  NodePtr node;
};

struct Node {
  enum class Kind { blob, tree, missing } kind = Kind::blob;
  std::string text;            // of a blob
  std::vector<Entry> entries;  // of a tree, in the order in which they stand there
};

using FilesByName = std::map<std::string, std::string>;

NodePtr blob(std::string text);
// `sorted`: as git sorts; else as given.
NodePtr tree(std::vector<Entry> entries, bool sorted = true);

// A random tree; `hostile`: how many of 100 entries are.
NodePtr random_tree(std::mt19937_64& random, unsigned hostile);

// What the manifest at `path` of this tree has; none: it has to be refused. "" is ovl.toml, else the *.toml
// of the top; "." is the top and all below it.
std::optional<FilesByName> expected_files(const NodePtr& top, const std::string& path);

// Writes objects straight into a repository's database.
class ObjectWriter {
 public:
  explicit ObjectWriter(const std::string& repository);
  ObjectWriter(const ObjectWriter&) = delete;
  ObjectWriter& operator=(const ObjectWriter&) = delete;
  ~ObjectWriter();

  git_oid write(const NodePtr& node);
  git_oid write(const std::string& bytes, git_object_t type);
  // A commit of `node`; answers its id.
  std::string commit(const NodePtr& node);

 private:
  git_repository* repository_ = nullptr;
  git_odb* odb_ = nullptr;
  std::map<const Node*, git_oid> written_;
};

// The bytes of one entry of a tree object.
std::string entry_bytes(const std::string& mode, const std::string& name, const git_oid& id);

}  // namespace ovl::test
