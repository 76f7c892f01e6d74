#include "drivers/git/libgit2/libgit2_repository.hpp"

#include <git2/sys/repository.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "drivers/git/git_program_repository.hpp"
#include "drivers/git/libgit2/handles.hpp"
#include "drivers/git/libgit2/revision.hpp"
#include "drivers/git/libgit2/tree_reader.hpp"
#include "drivers/git/quarantine.hpp"

namespace ovl {

namespace git {

namespace {

namespace fs = std::filesystem;

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
    // None of these changes how objects, refs and the index are read; see read_worktree_config().
    std::array<const char*, 3> known{"worktreeconfig", "partialclone", "preciousobjects"};
    git_libgit2_opts(GIT_OPT_SET_EXTENSIONS, known.data(), known.size());
  }

  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  ~Library() { git_libgit2_shutdown(); }
};

std::string without_slash(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

std::string who_is(const git_signature* who) {
  if (who == nullptr) return {};
  return fmt::format("{} <{}>", text_of(who->name), text_of(who->email));
}

// As git itself follows them (refs.c, SYMREF_MAXDEPTH).
constexpr int kMostSymbolicRefs = 5;

class Libgit2Repository final : public GitRepository {
 public:
  Status open(const std::string& top) {
    git_repository* raw = nullptr;
    if (git_repository_open_ext(&raw, top.c_str(), GIT_REPOSITORY_OPEN_NO_SEARCH, nullptr) != 0) {
      return error_of("opening " + top);
    }
    repository_.reset(raw);
    top_ = top;
    read_worktree_config();
    // A ".git" may be a file that names another folder.
    return check_repository_owner(git_repository_commondir(raw));
  }

  Result<Checkout> checkout(const std::string& place) override {
    Checkout out;
    if (git_repository_is_bare(repository_.get()) != 0) {
      return Error{.code = Errc::not_found, .message = "the repository has no work tree"};
    }
    OVL_TRY(out.path, path_of(place));
    auto found = lookup("HEAD");
    // Of a branch that has a commit which can't be read more is wrong than that there is none yet.
    if (!found.ok() && git_repository_head_unborn(repository_.get()) != 1) return no_head(found.error());
    OVL_TRY(const CommitHandle head, std::move(found));
    out.commit = text_of(*git_commit_id(head.get()));
    OVL_TRY(out.root, root_of(*git_commit_id(head.get())));
    OVL_TRY(const TreeHandle tree, tree_of(head.get()));
    out.tracked = out.path.empty() || entry_at(tree.get(), out.path) != nullptr;
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
    if (answer < 0) return error_of("comparing " + commit + " with " + ancestor);
    return answer == 1;
  }

  Result<std::vector<std::string>> only_behind(const std::string& commit, const std::string& other,
                                               std::size_t most) override {
    OVL_TRY(const CommitHandle newer, lookup(commit));
    OVL_TRY(const CommitHandle older, lookup(other));
    git_revwalk* raw = nullptr;
    if (git_revwalk_new(&raw, repository_.get()) != 0) return error_of("walking the history");
    const WalkHandle walk(raw);
    const bool ready = git_revwalk_push(raw, git_commit_id(newer.get())) == 0 &&
                       git_revwalk_hide(raw, git_commit_id(older.get())) == 0;
    if (!ready) return error_of("walking the history");
    std::vector<std::string> out;
    git_oid at;
    while (out.size() < most && git_revwalk_next(&at, raw) == 0) out.push_back(text_of(at));
    return out;
  }

  [[nodiscard]] std::string directory() const override {
    return without_slash(git_repository_commondir(repository_.get()));
  }

  [[nodiscard]] std::string own_directory() const override {
    return without_slash(git_repository_path(repository_.get()));
  }

  [[nodiscard]] std::string top() const override {
    const char* top = git_repository_workdir(repository_.get());
    return top != nullptr ? without_slash(top) : directory();
  }

  [[nodiscard]] Result<std::string> path_of(const std::string& place) const override {
    const char* top = git_repository_workdir(repository_.get());
    if (top == nullptr) return std::string();
    std::error_code error;
    const fs::path real = fs::canonical(place.empty() ? "." : place, error);
    if (!error && (real.string() + "/").starts_with(directory() + "/")) return std::string();
    const fs::path relative = real.lexically_relative(top);
    if (error || relative.empty()) return Error{.code = Errc::io, .message = place + " can't be found"};
    const std::string text = relative.string();
    return text == "." || text.starts_with("..") ? std::string() : text;
  }

  [[nodiscard]] std::string branch() const override {
    git_reference* raw = nullptr;
    if (git_reference_lookup(&raw, repository_.get(), "HEAD") != 0) return {};
    const ReferenceHandle head(raw);
    return text_of(git_reference_symbolic_target(raw));
  }

  [[nodiscard]] std::string target_of(const std::string& ref) const override {
    std::string name = ref;
    for (int depth = 0; depth < kMostSymbolicRefs; ++depth) {
      git_reference* raw = nullptr;
      if (git_reference_lookup(&raw, repository_.get(), name.c_str()) != 0) return name;
      const ReferenceHandle found(raw);
      const char* target = git_reference_symbolic_target(raw);
      if (target == nullptr) return name;
      name = target;
    }
    return name;
  }

  Result<Commit> commit(const std::string& revision) override {
    OVL_TRY(const CommitHandle found, lookup(revision));
    const git_commit* commit = found.get();
    Commit out{.id = text_of(*git_commit_id(commit)),
               .tree = text_of(*git_commit_tree_id(commit)),
               .author = who_is(git_commit_author(commit)),
               .subject = text_of(git_commit_summary(found.get())),
               .when = git_commit_time(commit)};
    OVL_TRY(out.root, root_of(*git_commit_id(commit)));
    return out;
  }

  Result<std::string> id_at(const std::string& commit, const std::string& path) override {
    OVL_TRY(const CommitHandle found, lookup(commit));
    OVL_TRY(const TreeHandle tree, tree_of(found.get()));
    if (path.empty()) return text_of(*git_tree_id(tree.get()));
    const EntryHandle entry = entry_at(tree.get(), path);
    if (entry) return text_of(*git_tree_entry_id(entry.get()));
    return Error{.code = Errc::not_found,
                 .message = fmt::format("there is no {} in this commit", path),
                 .hint = "a PATH counts from where you stand: see git ls-tree -r --name-only COMMIT"};
  }

  Result<Sources> read(const std::string& commit, const TreeRead& what) override {
    OVL_TRY(const CommitHandle found, lookup(commit));
    auto files = files_of(found.get(), what);
    if (files.ok() || files.error().code != Errc::io || !is_partial()) return files;
    Error error = std::move(files).error();
    error.hint = fmt::format(
        "this is a partial clone, and git fetches what is not here when it is asked: git -C {} archive -o "
        "/dev/null {}{}{}",
        top_, commit, what.path.empty() ? "" : " ", what.path);
    return error;
  }

  Result<Sources> read_index(const std::string& file, const TreeRead& what) override {
    auto opened = open_index(file);
    if (!opened.ok() && opened.error().code == Errc::unsupported) {
      OVL_TRY(const auto program, open_git_program(top_));
      return program->read_index(file, what);
    }
    OVL_TRY(const IndexHandle index, std::move(opened));
    return read_index_entries(repository_.get(), index.get(), what);
  }

  Result<CommitSignature> signature(const std::string& commit) override {
    OVL_TRY(const CommitHandle found, lookup(commit));
    git_oid id = *git_commit_id(found.get());
    Buffer signature;
    Buffer payload;
    const int result =
        git_commit_extract_signature(signature.get(), payload.get(), repository_.get(), &id, "gpgsig");
    if (result == GIT_ENOTFOUND) return CommitSignature();
    if (result != 0) return error_of("reading the signature of " + commit);
    return CommitSignature{.signature = signature.text(), .payload = payload.text()};
  }

  Result<std::vector<LineOrigin>> blame(const std::string& commit, const std::string& file) override {
    OVL_TRY(const CommitHandle found, lookup(commit));
    git_blame_options options = GIT_BLAME_OPTIONS_INIT;
    options.newest_commit = *git_commit_id(found.get());
    git_blame* raw = nullptr;
    if (git_blame_file(&raw, repository_.get(), file.c_str(), &options) != 0) {
      return error_of("looking for the origin of " + file, Errc::not_found);
    }
    const BlameHandle blamed(raw);
    std::vector<LineOrigin> lines;
    for (std::uint32_t i = 0; i < git_blame_get_hunk_count(raw); ++i) {
      add_hunk(*git_blame_get_hunk_byindex(raw, i), lines);
    }
    return lines;
  }

  Status add_quarantine(const std::string& folder) override {
    OVL_TRY(const std::string real, quarantine_of(directory() + "/objects", folder));
    git_odb* raw = nullptr;
    if (git_repository_odb(&raw, repository_.get()) != 0) return error_of("opening the objects");
    const OdbHandle odb(raw);
    if (git_odb_add_disk_alternate(raw, real.c_str()) != 0) return error_of("opening the quarantine");
    return {};
  }

 private:
  [[nodiscard]] Result<Sources> files_of(const git_commit* commit, const TreeRead& what) const {
    OVL_TRY(const TreeHandle tree, tree_of(commit));
    return read_tree(repository_.get(), tree.get(), what);
  }

  [[nodiscard]] Error no_head(const Error& why) const { return unreadable_head(top_, why); }

  static void add_hunk(const git_blame_hunk& hunk, std::vector<LineOrigin>& lines) {
    for (std::size_t i = 0; i < hunk.lines_in_hunk; ++i) {
      lines.push_back(
          LineOrigin{.commit = text_of(hunk.final_commit_id),
                     .author = who_is(hunk.final_signature),
                     .when = hunk.final_signature != nullptr ? hunk.final_signature->when.time : 0,
                     .line = static_cast<std::uint32_t>(hunk.orig_start_line_number + i)});
    }
  }

  [[nodiscard]] Result<CommitHandle> lookup(const std::string& revision) const {
    OVL_TRY(const ObjectHandle object, find_revision(repository_.get(), revision));
    git_object* commit = nullptr;
    if (git_object_peel(&commit, object.get(), GIT_OBJECT_COMMIT) != 0) {
      Error error = error_of(fmt::format("there is no commit \"{}\"", revision), Errc::not_found);
      error.hint = "name a branch, a tag as tags/NAME, or a commit";
      return error;
    }
    return CommitHandle(
        reinterpret_cast<git_commit*>(commit));  // NOLINT(*-reinterpret-cast): as libgit2 does
  }

  static Result<TreeHandle> tree_of(const git_commit* commit) {
    git_tree* tree = nullptr;
    if (git_commit_tree(&tree, commit) != 0) return error_of("reading the commit's tree");
    return TreeHandle(tree);
  }

  static EntryHandle entry_at(const git_tree* tree, const std::string& path) {
    git_tree_entry* entry = nullptr;
    git_tree_entry_bypath(&entry, tree, path.c_str());
    return EntryHandle(entry);
  }

  // The index of a commit in the making is beside the repository's own (githooks(5), GIT_INDEX_FILE).
  [[nodiscard]] Result<IndexHandle> open_index(const std::string& file) const {
    git_index* raw = nullptr;
    if (file.empty()) {
      if (git_repository_index(&raw, repository_.get()) != 0) return no_index();
      return IndexHandle(raw);
    }
    std::error_code error;
    const fs::path real = fs::canonical(file, error);
    if (error || real.parent_path() != fs::canonical(git_repository_path(repository_.get()), error)) {
      return Error{.code = Errc::guard,
                   .message = fmt::format("{} is no index of this repository", file),
                   .hint = "git sets GIT_INDEX_FILE; nothing else may"};
    }
    if (git_index_open(&raw, real.c_str()) != 0) return no_index();
    return IndexHandle(raw);
  }

  // unsupported: a split or a sparse one, which git reads.
  static Error no_index() {
    Error error = error_of("opening the index");
    if (error.message.find("mandatory extension") != std::string::npos) error.code = Errc::unsupported;
    return error;
  }

  // With extensions.worktreeConfig git keeps in a file of its own what libgit2 looks for in "config".
  void read_worktree_config() {
    if (git_repository_is_worktree(repository_.get()) != 0) return;
    git_config* raw = nullptr;
    const std::string file = directory() + "/config.worktree";
    if (git_config_open_ondisk(&raw, file.c_str()) != 0) return;
    const ConfigHandle config(raw);
    int bare = 0;
    if (git_config_get_bool(&bare, raw, "core.bare") == 0 && bare != 0)
      git_repository_set_bare(repository_.get());
  }

  // Whether objects that are not here are somewhere else.
  [[nodiscard]] bool is_partial() const {
    git_config* raw = nullptr;
    if (git_repository_config_snapshot(&raw, repository_.get()) != 0) return false;
    const ConfigHandle config(raw);
    git_config_iterator* remotes = nullptr;
    // Not its glob iterator: git_regexp_match() of libgit2 1.5 frees no match data of PCRE2.
    if (git_config_iterator_new(&remotes, raw) != 0) return false;
    const ConfigIteratorHandle held(remotes);
    git_config_entry* entry = nullptr;
    while (git_config_next(&entry, remotes) == 0) {
      const std::string_view name(entry->name);
      if (name.starts_with("remote.") && name.ends_with(".promisor")) return true;
    }
    return false;
  }

  // The end of a shallow clone's history is no beginning.
  [[nodiscard]] Result<std::string> root_of(const git_oid& commit) const {
    if (git_repository_is_shallow(repository_.get()) != 0) return std::string();
    git_revwalk* raw = nullptr;
    if (git_revwalk_new(&raw, repository_.get()) != 0) return error_of("walking the history");
    const WalkHandle walk(raw);
    git_revwalk_simplify_first_parent(walk.get());
    if (git_revwalk_push(walk.get(), &commit) != 0) return error_of("walking the history");
    git_oid at = commit;
    int result = 0;
    while ((result = git_revwalk_next(&at, walk.get())) == 0) {
    }
    if (result != GIT_ITEROVER) return error_of("walking the history");
    return text_of(at);
  }

  // Whether the files below `path` are others than the tree's, untracked ones too.
  Result<bool> differs(git_tree* tree, const std::string& path) const {
    const auto index = open_index("");
    if (!index.ok() && index.error().code == Errc::unsupported) return differs_for_git(path);
    git_diff_options options = GIT_DIFF_OPTIONS_INIT;
    options.flags = GIT_DIFF_INCLUDE_UNTRACKED | GIT_DIFF_DISABLE_PATHSPEC_MATCH;
    std::string spec = path;
    char* specs[] = {spec.data()};
    if (!path.empty()) options.pathspec = {.strings = specs, .count = 1};
    git_diff* raw = nullptr;
    // What is wrong with an index, git says better.
    if (git_diff_tree_to_workdir_with_index(&raw, repository_.get(), tree, &options) != 0)
      return differs_for_git(path);
    const DiffHandle diff(raw);
    if (git_diff_num_deltas(diff.get()) > 0 || !index.ok()) return git_diff_num_deltas(diff.get()) > 0;
    return hides_others(tree, index.value().get(), path);
  }

  [[nodiscard]] Result<bool> differs_for_git(const std::string& path) const {
    OVL_TRY(const auto program, open_git_program(top_));
    OVL_TRY(const Checkout seen, program->checkout(top() + "/" + path));
    return seen.dirty;
  }

  // Whether a manifest's file that git was told to look away from (git-update-index(1), --skip-worktree and
  // --assume-unchanged) is there and says something else.
  [[nodiscard]] bool hides_others(git_tree* tree, git_index* index, const std::string& path) const {
    for (std::size_t i = 0; i < git_index_entrycount(index); ++i) {
      const git_index_entry* entry = git_index_get_byindex(index, i);
      const bool hidden = (entry->flags & GIT_INDEX_ENTRY_VALID) != 0 ||
                          (entry->flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE) != 0;
      const std::string name(entry->path);
      const bool is_below = path.empty() || name == path || name.starts_with(path + "/");
      if (hidden && is_below && name.ends_with(".toml") && is_other(tree, name)) return true;
    }
    return false;
  }

  [[nodiscard]] bool is_other(git_tree* tree, const std::string& name) const {
    const std::string file = top() + "/" + name;
    std::error_code error;
    if (!fs::exists(fs::symlink_status(file, error))) return false;  // a sparse checkout leaves it out
    git_oid id;
    const EntryHandle entry = entry_at(tree, name);
    const bool known =
        git_repository_hashfile(&id, repository_.get(), file.c_str(), GIT_OBJECT_BLOB, nullptr) == 0;
    return !known || !entry || git_oid_equal(&id, git_tree_entry_id(entry.get())) == 0;
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
  std::string top_;
};

}  // namespace

}  // namespace git

Result<std::unique_ptr<GitRepository>> open_libgit2(const std::string& top) {
  auto repository = std::make_unique<git::Libgit2Repository>();
  OVL_CHECK(repository->open(top));
  return std::unique_ptr<GitRepository>(std::move(repository));
}

}  // namespace ovl
