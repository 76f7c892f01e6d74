#include "drivers/git/libgit2/libgit2_repository.hpp"

#include <fmt/format.h>
#include <git2.h>

#include <filesystem>

#include "model/handle.hpp"

namespace ovl {

namespace {

namespace fs = std::filesystem;

using RepositoryHandle = Handle<git_repository, git_repository_free>;
using ReferenceHandle = Handle<git_reference, git_reference_free>;
using CommitHandle = Handle<git_commit, git_commit_free>;
using TreeHandle = Handle<git_tree, git_tree_free>;
using EntryHandle = Handle<git_tree_entry, git_tree_entry_free>;
using DiffHandle = Handle<git_diff, git_diff_free>;
using WalkHandle = Handle<git_revwalk, git_revwalk_free>;

// libgit2's own text for what it failed at last in this thread.
Error git_error(const std::string& doing, Errc code = Errc::io) {
  const auto* error = git_error_last();
  return Error{.code = code,
               .message = fmt::format("git: {}: {}", doing, error != nullptr ? error->message : "it failed")};
}

std::string text_of(const git_oid& oid) {
  std::string text(GIT_OID_HEXSZ, '0');
  git_oid_fmt(text.data(), &oid);
  return text;
}

// libgit2 counts its users, and frees what is global with the last one.
class Library {
 public:
  Library() {
    git_libgit2_init();
    // Nobody's configuration has a say in what is read; who owns the repository was checked before.
    for (const int level : {GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG,
                            GIT_CONFIG_LEVEL_GLOBAL}) {
      git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "");
    }
    git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
  }

  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  ~Library() { git_libgit2_shutdown(); }
};

class Libgit2Repository final : public GitRepository {
 public:
  Status open(const std::string& top) {
    git_repository* repository = nullptr;
    if (git_repository_open_ext(&repository, top.c_str(), GIT_REPOSITORY_OPEN_NO_SEARCH, nullptr) != 0) {
      return git_error("opening " + top);
    }
    repository_.reset(repository);
    return {};
  }

  Result<Checkout> checkout(const std::string& place) override {
    Checkout out;
    OVL_TRY(out.path, path_of(place));
    OVL_TRY(const CommitHandle head, head_commit());
    out.commit = text_of(*git_commit_id(head.get()));
    OVL_TRY(out.root, root_of(*git_commit_id(head.get())));
    OVL_TRY(const TreeHandle tree, tree_of(head.get()));
    out.tracked = out.path.empty() || has(tree.get(), out.path);
    if (out.tracked) {
      OVL_TRY(out.dirty, differs(tree.get(), out.path));
    }
    return out;
  }

  Result<bool> follows(const std::string& commit, const std::string& ancestor) override {
    git_oid newer;
    git_oid older;
    if (!is_commit(commit, newer) || !is_commit(ancestor, older)) return false;
    if (git_oid_equal(&newer, &older) != 0) return true;
    const int answer = git_graph_descendant_of(repository_.get(), &newer, &older);
    if (answer < 0) return git_error("comparing " + commit + " with " + ancestor);
    return answer == 1;
  }

 private:
  [[nodiscard]] Result<std::string> path_of(const std::string& place) const {
    const char* top = git_repository_workdir(repository_.get());
    if (top == nullptr) return Error{.code = Errc::not_found, .message = "the repository has no work tree"};
    std::error_code error;
    const fs::path relative = fs::canonical(place.empty() ? "." : place, error).lexically_relative(top);
    if (error || relative.empty()) return Error{.code = Errc::io, .message = place + " can't be found"};
    const std::string text = relative.string();
    return text == "." ? std::string() : text;
  }

  [[nodiscard]] Result<CommitHandle> head_commit() const {
    git_reference* head = nullptr;
    if (git_repository_head(&head, repository_.get()) != 0) return git_error("reading HEAD", Errc::not_found);
    const ReferenceHandle reference(head);
    git_object* object = nullptr;
    if (git_reference_peel(&object, reference.get(), GIT_OBJECT_COMMIT) != 0)
      return git_error("reading HEAD");
    return CommitHandle(
        reinterpret_cast<git_commit*>(object));  // NOLINT(*-reinterpret-cast): as libgit2 does
  }

  static Result<TreeHandle> tree_of(const git_commit* commit) {
    git_tree* tree = nullptr;
    if (git_commit_tree(&tree, commit) != 0) return git_error("reading HEAD's tree");
    return TreeHandle(tree);
  }

  static bool has(const git_tree* tree, const std::string& path) {
    git_tree_entry* entry = nullptr;
    const bool found = git_tree_entry_bypath(&entry, tree, path.c_str()) == 0;
    const EntryHandle handle(entry);
    return found;
  }

  // The end of a shallow clone's history is no beginning.
  [[nodiscard]] Result<std::string> root_of(const git_oid& commit) const {
    if (git_repository_is_shallow(repository_.get()) != 0) return std::string();
    git_revwalk* raw = nullptr;
    if (git_revwalk_new(&raw, repository_.get()) != 0) return git_error("walking the history");
    const WalkHandle walk(raw);
    git_revwalk_simplify_first_parent(walk.get());
    if (git_revwalk_push(walk.get(), &commit) != 0) return git_error("walking the history");
    git_oid at = commit;
    int result = 0;
    while ((result = git_revwalk_next(&at, walk.get())) == 0) {
    }
    if (result != GIT_ITEROVER) return git_error("walking the history");
    return text_of(at);
  }

  // Whether the files below `path` are others than the tree's, untracked ones too.
  Result<bool> differs(git_tree* tree, const std::string& path) const {
    git_diff_options options = GIT_DIFF_OPTIONS_INIT;
    options.flags = GIT_DIFF_INCLUDE_UNTRACKED | GIT_DIFF_DISABLE_PATHSPEC_MATCH;
    std::string spec = path;
    char* specs[] = {spec.data()};
    if (!path.empty()) options.pathspec = {.strings = specs, .count = 1};
    git_diff* raw = nullptr;
    if (git_diff_tree_to_workdir_with_index(&raw, repository_.get(), tree, &options) != 0) {
      return git_error("comparing the files with HEAD");
    }
    const DiffHandle diff(raw);
    return git_diff_num_deltas(diff.get()) > 0;
  }

  [[nodiscard]] bool is_commit(const std::string& text, git_oid& out) const {
    if (text.size() != GIT_OID_HEXSZ || git_oid_fromstr(&out, text.c_str()) != 0) return false;
    git_commit* commit = nullptr;
    const bool found = git_commit_lookup(&commit, repository_.get(), &out) == 0;
    const CommitHandle handle(commit);
    return found;
  }

  Library library_;
  RepositoryHandle repository_;
};

}  // namespace

Result<std::unique_ptr<GitRepository>> open_libgit2(const std::string& top) {
  auto repository = std::make_unique<Libgit2Repository>();
  OVL_CHECK(repository->open(top));
  return std::unique_ptr<GitRepository>(std::move(repository));
}

}  // namespace ovl
