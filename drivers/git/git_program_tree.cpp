#include "drivers/git/git_program_tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "drivers/git/tree_names.hpp"

namespace ovl {

namespace {

// As in drivers/git/libgit2/tree_reader.cpp.
constexpr std::size_t kMaxVisited = 200'000;
constexpr std::size_t kMaxTreeBytes = 8U << 20U;
constexpr std::size_t kMaxLinkBytes = 4096;

// Modes of git (object.h); those of a group's files are of old histories.
constexpr unsigned kTree = 0040000;
constexpr unsigned kFile = 0100644;
constexpr unsigned kProgram = 0100755;
constexpr unsigned kGroupsFile = 0100664;
constexpr unsigned kLink = 0120000;
constexpr unsigned kSubmodule = 0160000;

constexpr const char* kNarrower = "name the folder that holds the manifest alone";

Error refused(std::string message, std::string hint) {
  return Error{.code = Errc::manifest, .message = std::move(message), .hint = std::move(hint)};
}

std::string joined(const std::string& folder, std::string_view name) {
  return folder.empty() ? std::string(name) : fmt::format("{}/{}", folder, name);
}

Error name_refused(const std::string& name, std::string_view why) {
  return refused(fmt::format("{}: the tree has {}", name, why),
                 "no honest commit has this; see git-fsck(1), and who made it");
}

Error link_refused(const std::string& name) {
  return refused(fmt::format("{} is a symbolic link", name),
                 "a manifest must not reach out of its tree; put the file there, or name it");
}

Error submodule_refused(const std::string& name) {
  return refused(fmt::format("{} is a submodule: its files are in another repository", name),
                 "put the manifest's files into this one");
}

Error too_deep(const std::string& name, std::size_t depth) {
  return refused(fmt::format("{} is more than {} folders deep", name, depth), kNarrower);
}

Error no_object(const std::string& name) {
  return Error{.code = Errc::io,
               .message = fmt::format("git: reading {}: the object is not in this repository", name)};
}

Status check_mode(const GitEntry& entry, const std::string& name) {
  constexpr unsigned known[] = {kTree, kFile, kProgram, kGroupsFile, kLink, kSubmodule};
  if (std::ranges::find(known, entry.mode) != std::end(known)) return {};
  return name_refused(name, "an entry of a mode that git does not write");
}

bool is_hidden(std::string_view name) {
  return name.starts_with('.');
}

std::string hexadecimal(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return out;
}

// What is to be read of the blobs that were found.
struct Blob {
  std::string name;
  std::string id;
};

std::vector<std::string> ids_of(const std::vector<Blob>& blobs) {
  std::vector<std::string> out;
  out.reserve(blobs.size());
  for (const Blob& blob : blobs) out.push_back(blob.id);
  return out;
}

// The contents of blobs of at most `most` bytes each. Errors: manifest, io.
Result<std::vector<GitObject>> contents_of(const ReadObjects& read, const std::vector<Blob>& blobs,
                                           std::size_t most, std::size_t total) {
  if (blobs.empty()) return std::vector<GitObject>();
  OVL_TRY(const auto headers, read(ids_of(blobs), false));
  std::size_t all = 0;
  for (std::size_t i = 0; i < blobs.size(); ++i) {
    const GitObject& object = headers[i];
    const std::string& name = blobs[i].name;
    if (object.type.empty()) return no_object(name);
    if (object.type != "blob") return refused(name + " is not a file in this tree", "see git-fsck(1)");
    if (object.size > most) return refused(fmt::format("{} is larger than {} bytes", name, most), "split it");
    all += object.size;
    if (all > total) return refused(fmt::format("the manifest is larger than {} bytes", total), kNarrower);
  }
  return read(ids_of(blobs), true);
}

Result<Sources> sources_of(const ReadObjects& read, const std::vector<Blob>& files, const TreeRead& what) {
  if (files.size() > what.files) {
    return refused(fmt::format("the manifest has more than {} files", what.files), kNarrower);
  }
  OVL_TRY(auto contents, contents_of(read, files, what.file_bytes, what.total_bytes));
  Sources out;
  for (std::size_t i = 0; i < files.size(); ++i) {
    out.push_back({.name = files[i].name, .text = std::move(contents[i].content)});
  }
  std::ranges::sort(out, {}, &SourceFile::name);
  const auto twice = std::ranges::adjacent_find(out, {}, &SourceFile::name);
  if (twice != out.end()) return name_refused(twice->name, "a name twice");
  return out;
}

// One level of folders after the other: each costs a question to git, not each folder.
class Walk {
 public:
  Walk(const ReadObjects& read, std::string top, const TreeRead& what)
      : read_(read), top_(std::move(top)), what_(what) {}

  Result<Sources> run() {
    OVL_TRY(const GitEntry start, find());
    if (start.mode == kTree) {
      OVL_CHECK(walk(start.id));
      OVL_CHECK(check_links());
    } else {
      files_.push_back({.name = what_.path, .id = start.id});
    }
    return sources_of(read_, files_, what_);
  }

 private:
  struct Folder {
    std::string path;
    std::string id;
  };

  // What the user named may have any name, but not be a link.
  Result<GitEntry> find() {
    GitEntry at{.mode = kTree, .name = {}, .id = top_};
    std::string so_far;
    for (const std::string name : std::filesystem::path(what_.path)) {
      if (at.mode != kTree) return nothing();
      OVL_TRY(const auto entries, entries_in({{.path = so_far, .id = at.id}}));
      const auto found = std::ranges::find(entries.front(), name, &GitEntry::name);
      if (found == entries.front().end()) return nothing();
      at = *found;
      so_far = joined(so_far, name);
    }
    OVL_CHECK(check_mode(at, what_.path));
    if (at.mode == kLink) return link_refused(what_.path);
    if (at.mode == kSubmodule) return submodule_refused(what_.path);
    return at;
  }

  [[nodiscard]] Error nothing() const {
    return Error{.code = Errc::not_found,
                 .message = fmt::format("there is no {} in this commit", what_.path),
                 .hint = "a PATH counts from where you stand: see git ls-tree -r --name-only COMMIT"};
  }

  Result<std::vector<std::vector<GitEntry>>> entries_in(const std::vector<Folder>& folders) {
    std::vector<std::string> ids;
    ids.reserve(folders.size());
    for (const Folder& folder : folders) ids.push_back(folder.id);
    OVL_TRY(const auto trees, read_(ids, true));
    std::vector<std::vector<GitEntry>> out;
    for (std::size_t i = 0; i < trees.size(); ++i) {
      OVL_TRY(auto entries, entries_of(trees[i], folders[i].path));
      visited_ += entries.size();
      if (visited_ > kMaxVisited) {
        return refused(fmt::format("{}: the tree has more than {} entries", folders[i].path, kMaxVisited),
                       kNarrower);
      }
      out.push_back(std::move(entries));
    }
    return out;
  }

  Status walk(const std::string& id) {
    std::vector<Folder> level{{.path = what_.path, .id = id}};
    for (std::size_t depth = 0; !level.empty(); ++depth) {
      OVL_TRY(const auto all, entries_in(level));
      std::vector<Folder> next;
      for (std::size_t i = 0; i < level.size(); ++i) {
        for (const GitEntry& entry : all[i]) OVL_CHECK(visit(entry, level[i].path, depth, next));
      }
      level = std::move(next);
    }
    return {};
  }

  Status visit(const GitEntry& entry, const std::string& folder, std::size_t depth,
               std::vector<Folder>& next) {
    const std::string full = joined(folder, entry.name);
    if (const std::string_view why = why_refused(entry.name); !why.empty()) return name_refused(full, why);
    OVL_CHECK(check_mode(entry, full));
    const bool enters = what_.recursive && !is_hidden(entry.name);
    if (entry.mode == kTree) {
      if (enters && depth == what_.depth) return too_deep(full, what_.depth);
      if (enters) next.push_back({.path = full, .id = entry.id});
    } else if (entry.mode == kLink) {
      if (is_manifest_file(entry.name)) return link_refused(full);
      if (enters) links_.push_back({.name = full, .id = entry.id});
    } else if (entry.mode == kSubmodule) {
      if (enters) return submodule_refused(full);
    } else if (is_manifest_file(entry.name)) {
      files_.push_back({.name = full, .id = entry.id});
    }
    return {};
  }

  // A link to a folder: what is behind it would be missing without a word.
  Status check_links() {
    OVL_TRY(const auto targets, contents_of(read_, links_, kMaxLinkBytes, kMaxVisited * kMaxLinkBytes));
    std::vector<std::string> names;
    std::vector<std::string> behind;
    for (std::size_t i = 0; i < targets.size(); ++i) {
      const auto folder = std::filesystem::path(links_[i].name).parent_path();
      std::string path = (folder / targets[i].content).lexically_normal().string();
      if (targets[i].content.empty() || path.starts_with('/') || path == ".." || path.starts_with("../"))
        continue;
      if (path.ends_with('/')) path.pop_back();
      if (path == "." || path.find('\n') != std::string::npos) return link_refused(links_[i].name);
      names.push_back(links_[i].name);
      behind.push_back(fmt::format("{}:{}", top_, path));
    }
    if (behind.empty()) return {};
    OVL_TRY(const auto found, read_(behind, false));
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (found[i].type == "tree") return link_refused(names[i]);
    }
    return {};
  }

  const ReadObjects& read_;
  std::string top_;
  const TreeRead& what_;
  std::vector<Blob> files_;
  std::vector<Blob> links_;
  std::size_t visited_ = 0;
};

// Whether a path of an index is read, by what is below the folder that is; its folders are checked as a
// tree's are.
Result<bool> is_wanted(const GitEntry& entry, std::string_view rest, const TreeRead& what) {
  bool skipped = false;
  std::size_t levels = 0;
  for (std::size_t slash = 0; (slash = rest.find('/')) != std::string_view::npos; ++levels) {
    const std::string_view name = rest.substr(0, slash);
    if (const std::string_view why = why_refused(name); !why.empty()) return name_refused(entry.name, why);
    skipped = skipped || !what.recursive || is_hidden(name);
    if (!skipped && levels == what.depth) return too_deep(entry.name, what.depth);
    rest.remove_prefix(slash + 1);
  }
  if (const std::string_view why = why_refused(rest); !why.empty()) return name_refused(entry.name, why);
  const bool submodule = entry.mode == kSubmodule && what.recursive && !is_hidden(rest);
  return !skipped && (submodule || is_manifest_file(rest));
}

Status check_staged(const GitEntry& entry) {
  OVL_CHECK(check_mode(entry, entry.name));
  if (entry.mode == kLink) return link_refused(entry.name);
  if (entry.mode == kSubmodule) return submodule_refused(entry.name);
  if (entry.stage == 0) return {};
  return refused(entry.name + " has an unresolved conflict", "resolve it, then git add " + entry.name);
}

}  // namespace

Result<std::vector<GitEntry>> entries_of(const GitObject& tree, const std::string& folder) {
  const std::string shown = folder.empty() ? "the tree" : folder;
  if (tree.type.empty()) return no_object(shown);
  if (tree.type != "tree") return refused(shown + " is not a folder in this tree", "see git-fsck(1)");
  if (tree.size > kMaxTreeBytes) return refused(fmt::format("{} has too many entries", shown), kNarrower);
  const std::size_t id_bytes = tree.id.size() / 2;
  std::vector<GitEntry> out;
  std::string before;
  for (std::string_view rest = tree.content; !rest.empty();) {
    const auto space = rest.find(' ');
    const auto end = rest.find('\0');
    GitEntry entry;
    const auto [stop, error] =
        std::from_chars(rest.data(), rest.data() + std::min(space, rest.size()), entry.mode, 8);
    const bool whole = space < end && end != std::string_view::npos && error == std::errc{} &&
                       stop == rest.data() + space && rest.size() - end > id_bytes;
    if (!whole) return name_refused(shown, "an entry that is none");
    entry.name = rest.substr(space + 1, end - space - 1);
    entry.id = hexadecimal(rest.substr(end + 1, id_bytes));
    rest.remove_prefix(end + 1 + id_bytes);
    // tree.c, base_name_compare(): a folder sorts as if a slash were behind it.
    std::string key = entry.mode == kTree ? entry.name + "/" : entry.name;
    if (key < before) return name_refused(joined(folder, entry.name), "names out of order");
    before = std::move(key);
    out.push_back(std::move(entry));
  }
  std::vector<std::string_view> names;
  names.reserve(out.size());
  for (const GitEntry& entry : out) names.emplace_back(entry.name);
  std::ranges::sort(names);
  const auto twice = std::ranges::adjacent_find(names);
  if (twice != names.end()) return name_refused(joined(folder, *twice), "a name twice");
  return out;
}

Result<Sources> read_git_tree(const ReadObjects& read, const std::string& top, const TreeRead& what) {
  return Walk(read, top, what).run();
}

Result<Sources> read_git_index(const ReadObjects& read, const std::vector<GitEntry>& entries,
                               const TreeRead& what) {
  const std::string folder = what.path.empty() ? "" : what.path + "/";
  std::vector<Blob> files;
  for (const GitEntry& entry : entries) {
    const bool named = entry.name == what.path;
    if (!named && !entry.name.starts_with(folder)) continue;
    bool wanted = named;
    if (!named) {
      OVL_TRY(wanted, is_wanted(entry, std::string_view(entry.name).substr(folder.size()), what));
    }
    if (!wanted) continue;
    OVL_CHECK(check_staged(entry));
    files.push_back({.name = entry.name, .id = entry.id});
  }
  return sources_of(read, files, what);
}

}  // namespace ovl
