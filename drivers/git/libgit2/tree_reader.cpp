#include "drivers/git/libgit2/tree_reader.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <vector>

#include "drivers/git/libgit2/handles.hpp"
#include "drivers/git/tree_names.hpp"

namespace ovl::git {

namespace {

// Trees of trees of one and the same tree take no room and no end (a "git bomb").
constexpr std::size_t kMaxVisited = 200'000;
// Of one tree object; a folder with a hundred thousand files has less.
constexpr std::size_t kMaxTreeBytes = 8U << 20U;
constexpr std::size_t kMaxLinkBytes = 4096;
// libgit2 keeps no large tree, and parses it for each link that leads through it. So many entries take as
// long as one visit.
constexpr std::size_t kParsedPerVisit = 50;

constexpr const char* kNarrower = "name the folder that holds the manifest alone";

Error refused(std::string message, std::string hint) {
  return Error{.code = Errc::manifest, .message = std::move(message), .hint = std::move(hint)};
}

std::string joined(const std::string& folder, std::string_view name) {
  return folder.empty() ? std::string(name) : fmt::format("{}/{}", folder, name);
}

Error link_refused(const std::string& name) {
  return refused(fmt::format("{} is a symbolic link", name),
                 "a manifest must not reach out of its tree; put the file there, or name it");
}

Error submodule_refused(const std::string& name) {
  return refused(fmt::format("{} is a submodule: its files are in another repository", name),
                 "put the manifest's files into this one");
}

Error name_refused(const std::string& name, std::string_view why) {
  return refused(fmt::format("{}: the tree has {}", name, why),
                 "no honest commit has this; see git-fsck(1), and who made it");
}

Error mode_refused(const std::string& name) {
  return name_refused(name, "an entry of a mode that git does not write");
}

constexpr unsigned kGroupWritable = 0100664;  // of old histories

// fsck.c, fsck_tree(). libgit2 takes a link or a submodule with other bits set for a file.
bool is_mode_of_git(unsigned mode) {
  return mode == GIT_FILEMODE_TREE || mode == GIT_FILEMODE_BLOB || mode == GIT_FILEMODE_BLOB_EXECUTABLE ||
         mode == kGroupWritable || mode == GIT_FILEMODE_LINK || mode == GIT_FILEMODE_COMMIT;
}

// tree.c of git, base_name_compare(): a folder sorts as if a slash were behind it.
std::string sort_key(const git_tree_entry* entry) {
  const std::string name = git_tree_entry_name(entry);
  return git_tree_entry_type(entry) == GIT_OBJECT_TREE ? name + "/" : name;
}

// Names are looked up by halving, and read one after the other: of a tree out of order, or with a name
// twice, the two see different files.
Status check_names(const git_tree* tree, const std::string& folder) {
  std::vector<std::string_view> names;
  std::string before;
  for (std::size_t i = 0; i < git_tree_entrycount(tree); ++i) {
    const git_tree_entry* entry = git_tree_entry_byindex(tree, i);
    std::string key = sort_key(entry);
    if (key < before) return name_refused(joined(folder, git_tree_entry_name(entry)), "names out of order");
    before = std::move(key);
    names.emplace_back(git_tree_entry_name(entry));
  }
  std::ranges::sort(names);
  const auto twice = std::ranges::adjacent_find(names);
  if (twice != names.end()) return name_refused(joined(folder, *twice), "a name twice");
  return {};
}

Error too_deep(const std::string& name, std::size_t depth) {
  return refused(fmt::format("{} is more than {} folders deep", name, depth), kNarrower);
}

Result<std::string> blob_text(git_odb* odb, const git_oid& id, const std::string& name, std::size_t most) {
  std::size_t size = 0;
  git_object_t type = GIT_OBJECT_INVALID;
  if (git_odb_read_header(&size, &type, odb, &id) != 0) return error_of("reading " + name);
  if (type != GIT_OBJECT_BLOB) return refused(name + " is not a file in this tree", "see git-fsck(1)");
  if (size > most) return refused(fmt::format("{} is larger than {} bytes", name, most), "split it");
  git_odb_object* raw = nullptr;
  if (git_odb_read(&raw, odb, &id) != 0) return error_of("reading " + name);
  const OdbObjectHandle object(raw);
  return std::string(static_cast<const char*>(git_odb_object_data(raw)), git_odb_object_size(raw));
}

class TreeReader {
 public:
  TreeReader(git_repository* repository, git_odb* odb, const git_tree* top, const TreeRead& what)
      : repository_(repository), odb_(odb), top_(top), what_(what), files_(odb, what) {}

  Result<Sources> read() {
    const std::size_t levels = what_.recursive ? what_.depth : 0;
    if (what_.path.empty()) {
      OVL_CHECK(walk(top_, "", levels));
      return files_.take();
    }
    OVL_TRY(const EntryHandle entry, find(what_.path));
    if (!entry) {
      return Error{.code = Errc::not_found,
                   .message = fmt::format("there is no {} in this commit", what_.path),
                   .hint = "a PATH counts from where you stand: see git ls-tree -r --name-only COMMIT"};
    }
    OVL_CHECK(read_named(entry.get(), levels));
    return files_.take();
  }

 private:
  // What the user named may have any name, but not be a link.
  Status read_named(const git_tree_entry* entry, std::size_t levels) {
    if (!is_mode_of_git(git_tree_entry_filemode_raw(entry))) return mode_refused(what_.path);
    switch (git_tree_entry_filemode(entry)) {
      case GIT_FILEMODE_TREE: return enter(*git_tree_entry_id(entry), what_.path, levels);
      case GIT_FILEMODE_LINK: return link_refused(what_.path);
      case GIT_FILEMODE_COMMIT: return submodule_refused(what_.path);
      default: return files_.add(*git_tree_entry_id(entry), what_.path);
    }
  }

  // What stands at `path` from the top; empty: nothing does. Each step is a visit: links cost little, and
  // the way to where one points may be long.
  Result<EntryHandle> find(const std::string& path) {
    EntryHandle found;
    TreeHandle held;
    const git_tree* tree = top_;
    std::string so_far;
    for (const std::string name : std::filesystem::path(path)) {
      OVL_CHECK(files_.visited(path));
      if (found) {
        if (git_tree_entry_type(found.get()) != GIT_OBJECT_TREE) return EntryHandle();
        OVL_TRY(held, open(*git_tree_entry_id(found.get()), so_far));
        tree = held.get();
        OVL_CHECK(files_.visited(path, git_tree_entrycount(tree) / kParsedPerVisit));
      }
      OVL_CHECK(check_once(tree, so_far));
      git_tree_entry* raw = nullptr;
      const git_tree_entry* entry = git_tree_entry_byname(tree, name.c_str());
      if (entry == nullptr || git_tree_entry_dup(&raw, entry) != 0) return EntryHandle();
      found.reset(raw);
      so_far.append(so_far.empty() ? "" : "/").append(name);
    }
    return found;
  }

  // Of a tree that was here before only libgit2's cache is asked: the header would be read from disk again.
  Result<TreeHandle> open(const git_oid& id, const std::string& folder) {
    if (!checked_.contains(text_of(id))) OVL_CHECK(check_header(id, folder));
    git_tree* raw = nullptr;
    if (git_tree_lookup(&raw, repository_, &id) != 0) return error_of("reading " + folder);
    return TreeHandle(raw);
  }

  Status check_header(const git_oid& id, const std::string& folder) {
    std::size_t size = 0;
    git_object_t type = GIT_OBJECT_INVALID;
    if (git_odb_read_header(&size, &type, odb_, &id) != 0) return error_of("reading " + folder);
    if (type != GIT_OBJECT_TREE) return refused(folder + " is not a folder in this tree", "see git-fsck(1)");
    if (size > kMaxTreeBytes) return refused(fmt::format("{} has too many entries", folder), kNarrower);
    return {};
  }

  Status check_once(const git_tree* tree, const std::string& folder) {
    return checked_.insert(text_of(*git_tree_id(tree))).second ? check_names(tree, folder) : Status();
  }

  Status enter(const git_oid& id, const std::string& folder, std::size_t levels) {
    OVL_TRY(const TreeHandle tree, open(id, folder));
    return walk(tree.get(), folder, levels);
  }

  Status walk(const git_tree* tree, const std::string& folder, std::size_t levels) {
    OVL_CHECK(check_once(tree, folder));
    for (std::size_t i = 0; i < git_tree_entrycount(tree); ++i) {
      OVL_CHECK(visit(git_tree_entry_byindex(tree, i), folder, levels));
    }
    return {};
  }

  Status visit(const git_tree_entry* entry, const std::string& folder, std::size_t levels) {
    const std::string_view name = git_tree_entry_name(entry);
    const std::string full = joined(folder, name);
    OVL_CHECK(files_.visited(full));
    if (const std::string_view why = why_refused(name); !why.empty()) return name_refused(full, why);
    if (!is_mode_of_git(git_tree_entry_filemode_raw(entry))) return mode_refused(full);
    const git_oid& id = *git_tree_entry_id(entry);
    switch (git_tree_entry_filemode(entry)) {
      case GIT_FILEMODE_TREE: return descend(id, name, full, levels);
      case GIT_FILEMODE_LINK: return check_link(id, name, folder, full);
      case GIT_FILEMODE_COMMIT:
        return what_.recursive && !name.starts_with('.') ? Status(submodule_refused(full)) : Status();
      default: return is_manifest_file(name) ? files_.add(id, full) : Status();
    }
  }

  Status descend(const git_oid& id, std::string_view name, const std::string& full, std::size_t levels) {
    if (!what_.recursive || name.starts_with('.')) return {};
    return levels == 0 ? Status(too_deep(full, what_.depth)) : enter(id, full, levels - 1);
  }

  // A link to a folder: what is behind it would be missing without a word.
  Status check_link(const git_oid& id, std::string_view name, const std::string& folder,
                    const std::string& full) {
    if (name.starts_with('.')) return {};
    if (is_manifest_file(name)) return link_refused(full);
    if (!what_.recursive) return {};
    OVL_TRY(const std::string target, blob_text(odb_, id, full, kMaxLinkBytes));
    std::string path = (std::filesystem::path(folder) / target).lexically_normal().string();
    if (target.empty() || path.starts_with('/') || path == ".." || path.starts_with("../")) return {};
    if (path.ends_with('/')) path.pop_back();
    if (path == ".") return link_refused(full);
    OVL_TRY(const EntryHandle found, find(path));
    const bool folder_behind = found && git_tree_entry_type(found.get()) == GIT_OBJECT_TREE;
    return folder_behind ? Status(link_refused(full)) : Status();
  }

  git_repository* repository_;
  git_odb* odb_;
  const git_tree* top_;
  const TreeRead& what_;
  FileCollector files_;
  std::set<std::string> checked_;  // trees whose names were
};

// Whether a path of an index is below what is read; its folders are checked as a tree's are.
class IndexReader {
 public:
  IndexReader(git_odb* odb, const TreeRead& what) : what_(what), files_(odb, what) {}

  Result<Sources> read(git_index* index) {
    for (std::size_t i = 0; i < git_index_entrycount(index); ++i) {
      OVL_CHECK(visit(*git_index_get_byindex(index, i)));
    }
    return files_.take();
  }

 private:
  Status visit(const git_index_entry& entry) {
    const std::string path = text_of(entry.path);
    if (path == what_.path && !path.empty()) return add(entry, path);
    const std::string folder = what_.path.empty() ? "" : what_.path + "/";
    if (!path.starts_with(folder)) return {};
    OVL_CHECK(files_.visited(path));
    OVL_TRY(const bool wanted, is_wanted(entry, path, std::string_view(path).substr(folder.size())));
    return wanted ? add(entry, path) : Status();
  }

  // `rest`: the path below what is read. A submodule is, to be refused.
  Result<bool> is_wanted(const git_index_entry& entry, const std::string& path, std::string_view rest) const {
    bool skipped = false;
    std::size_t levels = 0;
    for (std::size_t slash = 0; (slash = rest.find('/')) != std::string_view::npos; ++levels) {
      const std::string_view name = rest.substr(0, slash);
      if (const std::string_view why = why_refused(name); !why.empty()) return name_refused(path, why);
      skipped = skipped || !what_.recursive || name.starts_with('.');
      if (!skipped && levels == what_.depth) return too_deep(path, what_.depth);
      rest.remove_prefix(slash + 1);
    }
    if (const std::string_view why = why_refused(rest); !why.empty()) return name_refused(path, why);
    const bool submodule = entry.mode == GIT_FILEMODE_COMMIT && what_.recursive && !rest.starts_with('.');
    return !skipped && (submodule || is_manifest_file(rest));
  }

  Status add(const git_index_entry& entry, const std::string& path) {
    if (!is_mode_of_git(entry.mode)) return mode_refused(path);
    if (entry.mode == GIT_FILEMODE_LINK) return link_refused(path);
    if (entry.mode == GIT_FILEMODE_COMMIT) return submodule_refused(path);
    if (GIT_INDEX_ENTRY_STAGE(&entry) != 0) {
      return refused(path + " has an unresolved conflict", "resolve it, then git add " + path);
    }
    return files_.add(entry.id, path);
  }

  const TreeRead& what_;
  FileCollector files_;
};

Result<OdbHandle> odb_of(git_repository* repository) {
  git_odb* raw = nullptr;
  if (git_repository_odb(&raw, repository) != 0) return error_of("opening the objects");
  return OdbHandle(raw);
}

}  // namespace

Status FileCollector::visited(const std::string& name, std::size_t entries) {
  visited_ += entries;
  if (visited_ <= kMaxVisited) return {};
  return refused(fmt::format("{}: the tree has more than {} entries", name, kMaxVisited), kNarrower);
}

Status FileCollector::add(const git_oid& id, const std::string& name) {
  if (sources_.size() == what_.files) {
    return refused(fmt::format("the manifest has more than {} files", what_.files), kNarrower);
  }
  OVL_TRY(std::string text, blob_text(odb_, id, name, what_.file_bytes));
  total_ += text.size();
  if (total_ > what_.total_bytes) {
    return refused(fmt::format("the manifest is larger than {} bytes", what_.total_bytes), kNarrower);
  }
  sources_.push_back({.name = name, .text = std::move(text)});
  return {};
}

Result<Sources> FileCollector::take() {
  std::ranges::sort(sources_, {}, &SourceFile::name);
  const auto twice = std::ranges::adjacent_find(sources_, {}, &SourceFile::name);
  if (twice != sources_.end()) return name_refused(twice->name, "a name twice");
  return std::move(sources_);
}

Result<Sources> read_tree(git_repository* repository, const git_tree* top, const TreeRead& what) {
  OVL_TRY(const OdbHandle odb, odb_of(repository));
  return TreeReader(repository, odb.get(), top, what).read();
}

Result<Sources> read_index_entries(git_repository* repository, git_index* index, const TreeRead& what) {
  OVL_TRY(const OdbHandle odb, odb_of(repository));
  return IndexReader(odb.get(), what).read(index);
}

}  // namespace ovl::git
