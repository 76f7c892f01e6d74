#include "drivers/git/git_program_repository.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <string_view>

#include "drivers/git/git_program.hpp"
#include "drivers/git/git_program_text.hpp"
#include "drivers/git/git_program_tree.hpp"
#include "drivers/git/quarantine.hpp"
#include "drivers/git/ref_name.hpp"
#include "drivers/git/tree_names.hpp"
#include "files/read.hpp"

namespace ovl {

namespace {

namespace fs = std::filesystem;

// As git itself follows them (refs.c, SYMREF_MAXDEPTH).
constexpr int kMostSymbolicRefs = 5;
// Of files that are compared with HEAD, and folders within folders; as a manifest has at most.
constexpr std::size_t kMostFiles = 10'000;
constexpr std::size_t kMostDepth = 16;

std::string chomped(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

class GitProgramRepository final : public GitRepository {
 public:
  Status open(const std::string& top) {
    std::error_code error;
    const bool has_tree = fs::exists(top + "/.git", error);
    directory_ = has_tree ? top + "/.git" : top;
    work_tree_ = has_tree ? top : std::string();
    OVL_TRY(const std::string said,
            ask({"rev-parse", "--path-format=absolute", "--git-dir", "--git-common-dir",
                 "--is-shallow-repository", "--show-object-format"},
                "opening " + top));
    const auto lines = parts_of(said, '\n');
    if (lines.size() != 4) return git_failed("opening " + top, said);
    directory_ = lines[0];
    common_ = lines[1];
    shallow_ = lines[2] == "true";
    signature_header_ = lines[3] == "sha256" ? "gpgsig-sha256" : "gpgsig";
    // A ".git" may be a file that names another folder.
    OVL_CHECK(check_repository_owner(directory_));
    return check_repository_owner(common_);
  }

  Result<Checkout> checkout(const std::string& place) override {
    if (work_tree_.empty()) {
      return Error{.code = Errc::not_found, .message = "the repository has no work tree"};
    }
    Checkout out;
    OVL_TRY(out.path, path_of(place));
    auto found = commit("HEAD");
    if (!found.ok()) {
      OVL_TRY(const ProcessOutput ran, run({"rev-parse", "--quiet", "--verify", "HEAD"}));
      if (ran.status == 0) return unreadable_head(top(), found.error());
    }
    OVL_TRY(const Commit head, std::move(found));
    out.commit = head.id;
    out.root = head.root;
    const auto there = id_at(head.id, out.path);
    out.tracked = there.ok();
    if (out.tracked) {
      OVL_TRY(out.dirty, differs(head.id, out.path));
    }
    return out;
  }

  Result<bool> follows(const std::string& commit, const std::string& ancestor) override {
    if (!is_object_id(commit) || !is_object_id(ancestor)) return false;
    OVL_TRY(const auto both, read_objects({commit, ancestor}, false));
    const auto is_one = [](const GitObject& object) { return object.type == "commit"; };
    if (!std::ranges::all_of(both, is_one)) return false;
    OVL_TRY(const ProcessOutput ran, run({"merge-base", "--is-ancestor", ancestor, commit}));
    if (ran.status > 1) return git_failed("comparing " + commit + " with " + ancestor, ran.err);
    return ran.status == 0;
  }

  Result<std::vector<std::string>> only_behind(const std::string& commit, const std::string& other,
                                               std::size_t most) override {
    OVL_TRY(const std::string newer, id_of(commit));
    OVL_TRY(const std::string older, id_of(other));
    OVL_TRY(const std::string said, ask({"rev-list", fmt::format("--max-count={}", most), newer, "^" + older},
                                        "walking the history"));
    std::vector<std::string> out;
    for (const std::string_view line : parts_of(said, '\n')) out.emplace_back(line);
    return out;
  }

  [[nodiscard]] std::string directory() const override { return common_; }

  [[nodiscard]] std::string own_directory() const override { return directory_; }

  [[nodiscard]] std::string top() const override { return work_tree_.empty() ? common_ : work_tree_; }

  [[nodiscard]] Result<std::string> path_of(const std::string& place) const override {
    if (work_tree_.empty()) return std::string();
    std::error_code error;
    const fs::path real = fs::canonical(place.empty() ? "." : place, error);
    if (!error && (real.string() + "/").starts_with(common_ + "/")) return std::string();
    const fs::path relative = real.lexically_relative(work_tree_);
    if (error || relative.empty()) return Error{.code = Errc::io, .message = place + " can't be found"};
    const std::string text = relative.string();
    return text == "." || text.starts_with("..") ? std::string() : text;
  }

  [[nodiscard]] std::string branch() const override { return symbolic("HEAD"); }

  [[nodiscard]] std::string target_of(const std::string& ref) const override {
    std::string name = ref;
    for (int depth = 0; depth < kMostSymbolicRefs; ++depth) {
      std::string next = symbolic(name);
      if (next.empty()) return name;
      name = std::move(next);
    }
    return name;
  }

  Result<Commit> commit(const std::string& revision) override {
    OVL_TRY(const std::string id, id_of(revision));
    OVL_TRY(const std::string text, commit_text(id));
    const CommitText parsed = commit_in(text);
    Commit out{.id = id,
               .tree = parsed.header("tree"),
               .author = stamp_in(parsed.header("author")).who,
               .subject = subject_of(parsed.message),
               .when = stamp_in(parsed.header("committer")).when};
    OVL_TRY(out.root, root_of(id));
    return out;
  }

  Result<std::string> id_at(const std::string& commit, const std::string& path) override {
    OVL_TRY(const std::string id, id_of(commit));
    if (path.find('\n') == std::string::npos) {
      OVL_TRY(const auto found, read_objects({fmt::format("{}:{}", id, path)}, false));
      if (!found.front().type.empty()) return found.front().id;
    }
    return Error{.code = Errc::not_found,
                 .message = fmt::format("there is no {} in this commit", path),
                 .hint = "a PATH counts from where you stand: see git ls-tree -r --name-only COMMIT"};
  }

  Result<Sources> read(const std::string& commit, const TreeRead& what) override {
    OVL_TRY(const std::string id, id_of(commit));
    OVL_TRY(const std::string text, commit_text(id));
    return read_git_tree(reader(), commit_in(text).header("tree"), what);
  }

  Result<Sources> read_index(const std::string& index, const TreeRead& what) override {
    std::vector<std::string> environment;
    if (!index.empty()) {
      std::error_code error;
      const fs::path real = fs::canonical(index, error);
      if (error || real.parent_path() != fs::canonical(directory_, error)) {
        return Error{.code = Errc::guard,
                     .message = fmt::format("{} is no index of this repository", index),
                     .hint = "git sets GIT_INDEX_FILE; nothing else may"};
      }
      environment.push_back("GIT_INDEX_FILE=" + real.string());
    }
    std::vector<std::string> words{"ls-files", "--stage", "-z", "--"};
    if (!what.path.empty()) words.push_back(what.path);
    OVL_TRY(const ProcessOutput ran, run(std::move(words), {}, std::move(environment)));
    if (ran.status != 0) return git_failed("reading the index", ran.err);
    return read_git_index(reader(), staged_in(ran.out), what);
  }

  Result<CommitSignature> signature(const std::string& commit) override {
    OVL_TRY(const std::string id, id_of(commit));
    OVL_TRY(const std::string text, commit_text(id));
    CommitSignature out = signature_in(text, signature_header_);
    if (out.signature.empty()) return CommitSignature();
    return out;
  }

  Result<std::vector<LineOrigin>> blame(const std::string& commit, const std::string& file) override {
    OVL_TRY(const std::string id, id_of(commit));
    OVL_TRY(const std::string said,
            ask({"blame", "--no-textconv", "-p", id, "--", file}, "looking for the origin of " + file));
    return origins_in(said);
  }

  Status add_quarantine(const std::string& folder) override {
    OVL_TRY(const std::string real, quarantine_of(common_ + "/objects", folder));
    alternates_ = {"GIT_OBJECT_DIRECTORY=" + real,
                   "GIT_ALTERNATE_OBJECT_DIRECTORIES=" + fs::path(real).parent_path().string()};
    return {};
  }

 private:
  [[nodiscard]] Result<ProcessOutput> run(std::vector<std::string> words, std::string input = {},
                                          std::vector<std::string> environment = {}) const {
    environment.insert(environment.end(), alternates_.begin(), alternates_.end());
    return ask_git({.directory = directory_,
                    .work_tree = work_tree_,
                    .words = std::move(words),
                    .input = std::move(input),
                    .environment = std::move(environment)});
  }

  // What git prints; its failure is an error.
  [[nodiscard]] Result<std::string> ask(std::vector<std::string> words, const std::string& doing) const {
    OVL_TRY(ProcessOutput ran, run(std::move(words)));
    if (ran.status != 0) return git_failed(doing, ran.err);
    return std::move(ran.out);
  }

  // What a name stands for; empty: nothing, or git can't tell.
  [[nodiscard]] std::string answer(std::vector<std::string> words) const {
    const auto ran = run(std::move(words));
    return ran.ok() && ran.value().status == 0 ? chomped(ran.value().out) : std::string();
  }

  [[nodiscard]] std::string symbolic(const std::string& ref) const {
    if (ref.starts_with('-')) return {};
    return answer({"symbolic-ref", "--quiet", ref});
  }

  [[nodiscard]] bool has_ref(const std::string& name) const {
    if (!name.starts_with("refs/")) return !answer({"rev-parse", "--verify", "--quiet", name}).empty();
    return !answer({"show-ref", "--verify", name}).empty();
  }

  // As find_revision() of drivers/git/libgit2/revision.hpp: a short name is a branch's, never a tag's.
  [[nodiscard]] std::string ref_of(const std::string& base) const {
    const bool own = base == "HEAD" || base == "FETCH_HEAD" || base == "ORIG_HEAD" || base == "MERGE_HEAD";
    std::string full = own ? base : full_ref(base);
    if (has_ref(full)) return full;
    if (!full.starts_with("refs/heads/") || full == base || full == "refs/" + base) return {};
    for (const std::string& name : {"refs/remotes/" + base, "refs/remotes/" + base + "/HEAD"}) {
      if (has_ref(name)) return name;
    }
    return {};
  }

  [[nodiscard]] std::string object_of(const std::string& base) const {
    constexpr std::size_t shortest = 4;
    if (is_object_id(base)) return base;
    if (base.size() < shortest || base.find_first_not_of("0123456789abcdef") != std::string::npos) return {};
    std::string found = answer({"rev-parse", "--disambiguate=" + base});
    return is_object_id(found) ? found : std::string();
  }

  // The id of the commit that a revision names.
  [[nodiscard]] Result<std::string> id_of(const std::string& revision) const {
    const std::string_view lead = revision_base(revision);
    const std::string base(lead == "@" ? "HEAD" : lead);
    const std::string rest = revision.substr(lead.size());
    std::string start = base;
    if (!base.empty() && !is_object_id(base)) {
      start = ref_of(base);
      if (start.empty()) start = object_of(base);
    }
    std::string id;
    if (base.empty() || !start.empty()) {
      id = answer({"rev-parse", "--verify", "--quiet", fmt::format("{}{}^{{commit}}", start, rest)});
    }
    if (is_object_id(id)) return id;
    return Error{.code = Errc::not_found,
                 .message = fmt::format("git: there is no commit \"{}\"", revision),
                 .hint =
                     "name a branch, a tag as tags/NAME, or a commit; see git log, and git fetch for what "
                     "others have pushed"};
  }

  [[nodiscard]] Result<std::string> commit_text(const std::string& id) const {
    OVL_TRY(auto found, read_objects({id}, true));
    if (found.front().type == "commit") return std::move(found.front().content);
    return Error{.code = Errc::not_found, .message = fmt::format("git: there is no commit \"{}\"", id)};
  }

  // The end of a shallow clone's history is no beginning.
  [[nodiscard]] Result<std::string> root_of(const std::string& commit) const {
    if (shallow_) return std::string();
    OVL_TRY(const std::string said,
            ask({"rev-list", "--first-parent", "--max-parents=0", commit}, "walking the history"));
    const auto lines = parts_of(said, '\n');
    return lines.empty() ? std::string() : std::string(lines.back());
  }

  [[nodiscard]] ReadObjects reader() const {
    return
        [this](const std::vector<std::string>& names, bool content) { return read_objects(names, content); };
  }

  [[nodiscard]] Result<std::vector<GitObject>> read_objects(const std::vector<std::string>& names,
                                                            bool content) const {
    std::string input;
    for (const std::string& name : names) input += name + "\n";
    OVL_TRY(const ProcessOutput ran, run({"cat-file", content ? "--batch" : "--batch-check"}, input));
    if (ran.status != 0) return git_failed("reading objects", ran.err);
    std::vector<GitObject> out;
    for (std::string_view rest = ran.out; !rest.empty();) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      GitObject& object = out.emplace_back();
      const auto words = parts_of(line, ' ');
      // "NAME missing", and the name may be anything.
      if (words.size() != 3 || !is_object_id(words[0])) continue;
      object = {.id = std::string(words[0]),
                .type = std::string(words[1]),
                .size = number_in<std::size_t>(words[2])};
      if (!content) continue;
      object.content = rest.substr(0, object.size);
      rest.remove_prefix(std::min(rest.size(), object.size + 1));
    }
    if (out.size() == names.size()) return out;
    return git_failed("reading objects", "another number of answers than of questions");
  }

  // "MODE ID STAGE\tPATH", as `git ls-files --stage` prints it.
  static std::vector<GitEntry> staged_in(std::string_view text) {
    std::vector<GitEntry> out;
    for (const std::string_view line : parts_of(text, '\0')) {
      const auto tab = std::min(line.find('\t'), line.size());
      const auto words = parts_of(line.substr(0, tab), ' ');
      if (words.size() != 3 || tab == line.size()) continue;
      out.push_back({.mode = number_in<unsigned>(words[0], 8),
                     .name = std::string(line.substr(tab + 1)),
                     .id = std::string(words[1]),
                     .stage = number_in<unsigned>(words[2])});
    }
    return out;
  }

  using Ids = std::map<std::string, std::string>;  // path from the top -> a blob's id

  // Whether a manifest's files below `path` are others than the commit's. Other files have no say: git would
  // have to run their filters.
  [[nodiscard]] Result<bool> differs(const std::string& commit, const std::string& path) const {
    OVL_TRY(const Ids committed, committed_files(commit, path));
    OVL_TRY(const Ids here, files_here(path));
    return committed != here;
  }

  // Without those that a sparse checkout leaves out.
  [[nodiscard]] Result<Ids> committed_files(const std::string& commit, const std::string& path) const {
    std::vector<std::string> words{"ls-tree", "-r", "-z", "--full-tree", commit, "--"};
    std::vector<std::string> left_out{"ls-files", "-t", "-z", "--"};
    if (!path.empty()) words.push_back(path);
    if (!path.empty()) left_out.push_back(path);
    OVL_TRY(const std::string said, ask(std::move(words), "reading " + path));
    OVL_TRY(const std::string indexed, ask(std::move(left_out), "reading the index"));
    Ids out;
    for (const std::string_view line : parts_of(said, '\0')) {
      const auto tab = std::min(line.find('\t'), line.size());
      const auto fields = parts_of(line.substr(0, tab), ' ');
      if (tab == line.size() || fields.size() != 3 || fields[1] != "blob") continue;
      const std::string name(line.substr(tab + 1));
      if (is_manifest_file(fs::path(name).filename().string())) out.emplace(name, fields[2]);
    }
    for (const std::string_view line : parts_of(indexed, '\0')) {
      if (line.starts_with("S ")) out.erase(std::string(line.substr(2)));
    }
    return out;
  }

  [[nodiscard]] Result<Ids> files_here(const std::string& path) const {
    std::vector<std::string> names;
    OVL_CHECK(find_files(path, 0, names));
    Ids out;
    if (names.empty()) return out;
    std::string input;
    for (const std::string& name : names) input += fmt::format("{}/{}\n", work_tree_, name);
    OVL_TRY(const ProcessOutput ran, run({"hash-object", "--no-filters", "--stdin-paths"}, input));
    if (ran.status != 0) return git_failed("reading the files", ran.err);
    const auto ids = parts_of(ran.out, '\n');
    for (std::size_t i = 0; i < std::min(ids.size(), names.size()); ++i) out.emplace(names[i], ids[i]);
    return out;
  }

  Status find_files(const std::string& path, std::size_t depth, std::vector<std::string>& out) const {
    const std::string full = path.empty() ? work_tree_ : work_tree_ + "/" + path;
    std::error_code error;
    const fs::file_status status = fs::symlink_status(full, error);
    if (fs::is_regular_file(status)) {
      const bool counts = is_manifest_file(fs::path(path).filename().string());
      if (counts && path.find('\n') == std::string::npos && out.size() < kMostFiles) out.push_back(path);
      return {};
    }
    if (!fs::is_directory(status) || depth > kMostDepth) return {};
    OVL_TRY(const auto names, names_in(full));
    for (const std::string& name : names) {
      if (name.starts_with('.')) continue;
      OVL_CHECK(find_files(path.empty() ? name : fmt::format("{}/{}", path, name), depth + 1, out));
    }
    return {};
  }

  std::string directory_;
  std::string common_;
  std::string work_tree_;  // empty: a bare repository
  bool shallow_ = false;
  std::string signature_header_;
  std::vector<std::string> alternates_;
};

}  // namespace

Result<std::unique_ptr<GitRepository>> open_git_program(const std::string& top) {
  auto repository = std::make_unique<GitProgramRepository>();
  OVL_CHECK(repository->open(top));
  return std::unique_ptr<GitRepository>(std::move(repository));
}

}  // namespace ovl
