// What git says of the place where a manifest lies. Reads only: no checkout, no hook, no command is run.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "drivers/module/module.hpp"
#include "model/base/result.hpp"
#include "model/manifest/manifest.hpp"

namespace ovl {

// A place inside a work tree, as it is at its HEAD.
struct Checkout {
  std::string commit;   // HEAD's id, as is_object_id() knows one
  std::string root;     // the first commit of its history, by first parents; empty in a shallow clone
  std::string path;     // of the place, below the top of the work tree; "" is the top
  bool tracked = true;  // HEAD has that path
  bool dirty = false;   // the files there are not those of HEAD
};

// One commit, from the object database. Its texts are somebody's words: for a terminal or a document they
// need to be made safe.
struct Commit {
  std::string id;      // as is_object_id() knows one
  std::string root;    // the first commit of its history, by first parents; empty in a shallow clone
  std::string tree;    // of all its files
  std::string author;  // "Name <mail>"
  std::string subject;
  std::int64_t when = 0;  // when it was committed, seconds since the epoch
};

// A commit's signature as it stands in the commit, and the bytes that it is over.
struct CommitSignature {
  std::string signature;  // empty: it is not signed
  std::string payload;
};

// The commit that a line of a file comes from.
struct LineOrigin {
  std::string commit;
  std::string author;
  std::int64_t when = 0;
  std::uint32_t line = 0;  // its number in that commit, from 1
};

// What of a tree is read.
struct TreeRead {
  std::string path;       // a folder or a file below the top; "" is the top
  bool recursive = true;  // of a folder
  std::size_t files = 0;  // limits: how many, each one's bytes, all bytes, folders within folders
  std::size_t file_bytes = 0;
  std::size_t total_bytes = 0;
  std::size_t depth = 0;
};

// HEAD has a commit, and it can't be read: nobody may take such a work tree for plain files.
inline Error unreadable_head(const std::string& top, const Error& why) {
  return Error{
      .code = Errc::io,
      .message = fmt::format("HEAD of {} can't be read: {}", top, why.message),
      .hint = fmt::format(
          "git -C {} fsck says what is missing; files in no repository are planned as they are", top)};
}

class GitRepository {
 public:
  virtual ~GitRepository() = default;

  // `place`: a file or a directory. Errors: not_found (no commit yet, a bare repository), io.
  virtual Result<Checkout> checkout(const std::string& place) = 0;

  // Whether `commit` is `ancestor` or comes after it. A commit that is not in this repository follows
  // nothing and is followed by nothing. Errors: io.
  virtual Result<bool> follows(const std::string& commit, const std::string& ancestor) = 0;

  // What `commit` comes after, itself too, and `other` does not: their ids, the newest first, at most `most`.
  // Errors: not_found (either is not in this repository), io.
  virtual Result<std::vector<std::string>> only_behind(const std::string& commit, const std::string& other,
                                                       std::size_t most) = 0;

  // Where git keeps this repository: ".git" of a work tree, or the bare repository itself. Absolute.
  [[nodiscard]] virtual std::string directory() const = 0;

  // Where git keeps what is this work tree's own: directory(), but for a linked work tree. Absolute.
  [[nodiscard]] virtual std::string own_directory() const = 0;

  // The top of the work tree; a bare repository's directory(). Absolute.
  [[nodiscard]] virtual std::string top() const = 0;

  // `place` below the top of the work tree; "" at the top and in a bare repository. Errors: io.
  [[nodiscard]] virtual Result<std::string> path_of(const std::string& place) const = 0;

  // The branch that HEAD names, "refs/heads/main", also before its first commit; empty when HEAD is detached.
  [[nodiscard]] virtual std::string branch() const = 0;

  // The ref that one ends at: another where it is a symbolic one (git-symbolic-ref(1)), also when there is
  // nothing yet; git changes that one by any of its names.
  [[nodiscard]] virtual std::string target_of(const std::string& ref) const = 0;

  // A branch, a tag as tags/NAME, a commit, or an expression such as HEAD~1 (gitrevisions(7)); a short name
  // is a branch's, whatever tags are called so.
  // Errors: not_found (also for what names no commit), io.
  virtual Result<Commit> commit(const std::string& revision) = 0;

  // The id of what `commit` has at `path`: the same id is the same content. Errors: not_found, io.
  virtual Result<std::string> id_at(const std::string& commit, const std::string& path) = 0;

  // The *.toml of a commit, sorted by name, named from the top. The tree is somebody's words: names that
  // mean something to a file system, symbolic links to manifests or folders, submodules and everything
  // over the limits are refused; names that begin with a dot are skipped.
  // Errors: not_found (no such path), manifest (refused), io.
  virtual Result<Sources> read(const std::string& commit, const TreeRead& what) = 0;

  // The same of what is about to be committed: of an index file of this repository; "" is its own.
  // Errors: as read(); guard (the index is another repository's).
  virtual Result<Sources> read_index(const std::string& index, const TreeRead& what) = 0;

  // Errors: not_found, io.
  virtual Result<CommitSignature> signature(const std::string& commit) = 0;

  // Where the lines of a file come from, in order, as of `commit`. Errors: not_found, io.
  virtual Result<std::vector<LineOrigin>> blame(const std::string& commit, const std::string& file) = 0;

  // Sees the objects of a push that is not yet taken (git-receive-pack(1), quarantine): a folder that git
  // made below this repository's own objects. Errors: guard (it is none), io.
  virtual Status add_quarantine(const std::string& folder) = 0;
};

// What the module's file offers; see load_module().
struct GitModule {
  const char* build;
  Result<std::unique_ptr<GitRepository>> (*open)(const std::string& top);
};

inline constexpr const char* kGitSymbol = "ovl_git_module";

// Defines the exported symbol; `open` is the driver's own opening function.
#define OVL_GIT_MODULE(open_function)                                            \
  extern "C" [[gnu::visibility("default")]] const ovl::GitModule ovl_git_module; \
  extern "C" const ovl::GitModule ovl_git_module {                               \
    ovl::kModuleBuild, (open_function)                                           \
  }

// The repository that `place` is in, or none: neither is it a bare one nor has a folder above it a ".git".
// The driver is loaded only then. Errors: guard (the repository is somebody else's), unsupported, io.
Result<std::unique_ptr<GitRepository>> open_repository(const std::string& place,
                                                       const std::string& driver_directory = {});

// The same where there must be one. Errors: also not_found.
Result<std::unique_ptr<GitRepository>> need_repository(const std::string& place);

// Whether a folder is the user's own, root's, or theirs who called sudo. Errors: guard, io.
Status check_repository_owner(const std::string& folder);

}  // namespace ovl
