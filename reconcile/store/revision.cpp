#include "reconcile/store/revision.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "reconcile/manifest/sources.hpp"
#include "reconcile/words/utf8.hpp"

namespace ovl {

namespace {

using ReadFiles = std::function<Result<Sources>(const TreeRead&)>;

// The limits of files in a folder: what is read from a commit is what would be read from its checkout.
TreeRead within_limits(std::string path, bool recursive) {
  return TreeRead{.path = std::move(path),
                  .recursive = recursive,
                  .files = kMaxSourceFiles,
                  .file_bytes = kMaxSourceBytes,
                  .total_bytes = kMaxTotalBytes,
                  .depth = kMaxSourceDepth};
}

// "./net/" as "net". Errors: usage.
Result<std::string> below_top(const std::string& beside, const std::string& path) {
  const auto joined = (std::filesystem::path(beside) / path).lexically_normal();
  std::string text = joined.string();
  while (text.ends_with('/')) text.pop_back();
  if (text == ".") text.clear();
  // By words, as there are no links to follow in a tree: "net/../../x" leads out of the repository, whatever
  // lies there.
  if (!joined.is_absolute() && text != ".." && !text.starts_with("../")) return text;
  return Error{.code = Errc::usage,
               .message = fmt::format("{} is not in the repository", path),
               .hint = "name the manifest from the top of the repository, like infra/net"};
}

// A name goes into findings, JSON and records. git has bytes, and whoever commits chooses them.
Status check_names(const Sources& files) {
  for (const SourceFile& file : files) {
    if (is_utf8(file.name)) continue;
    return Error{.code = Errc::manifest,
                 .message = fmt::format("{} has a name that is no UTF-8", safe_text(file.name)),
                 .hint = "rename it"};
  }
  return {};
}

// The driver tells names as they stand in the tree.
Error printable_error(Error error) {
  error.message = safe_text(error.message);
  return error;
}

Error nothing_there(const std::string& path) {
  return Error{
      .code = Errc::not_found,
      .message = path.empty()
                     ? "no manifest at the top of this revision: neither ovl.toml nor any other *.toml"
                     : fmt::format("there is no *.toml in {} of this revision", path),
      .hint = "name the file or the folder that holds it"};
}

bool is_file(const Sources& files, const std::string& name) {
  return files.size() == 1 && files.front().name == name;
}

Result<Sources> read_files(const std::string& beside, const std::string& path, const std::string& full,
                           const ReadFiles& read) {
  // As with files on disk: all *.toml of the folder one stands in and none below, but all below a folder that
  // was named.
  auto found = read(path.empty() ? within_limits(beside, false) : within_limits(full, true));
  if (!found.ok()) return printable_error(std::move(found).error());
  Sources files = std::move(found).value();
  if (files.empty()) return nothing_there(full);
  OVL_CHECK(check_names(files));
  return files;
}

}  // namespace

Result<RevisionManifest> read_revision(GitRepository& repository, const std::string& revision,
                                       const std::string& path, const std::string& beside) {
  RevisionManifest out;
  OVL_TRY(out.commit, repository.commit(revision));
  OVL_TRY(out.path, below_top(beside, path));
  const ReadFiles read = [&](const TreeRead& what) { return repository.read(out.commit.id, what); };
  OVL_TRY(out.files, read_files(beside, path, out.path, read));
  // The source of records is the folder: naming its one file must not make it another source.
  if (is_file(out.files, out.path)) out.path = std::filesystem::path(out.path).parent_path().string();
  return out;
}

// A generation keeps the folder and not how it was named: which files of an older commit are its manifest has
// to be tried, to tell whether it is the same one.
std::vector<WayToRead> ways_to_read(const std::string& path, const Sources& files) {
  std::vector<WayToRead> ways{{.path = path.empty() ? "." : path, .beside = {}},
                              {.path = {}, .beside = path}};
  if (files.size() == 1) ways.push_back({.path = files.front().name, .beside = {}});
  return ways;
}

Result<Sources> read_staged(GitRepository& repository, const std::string& index, const std::string& path) {
  OVL_TRY(const std::string full, below_top("", path));
  return read_files("", path, full, [&](const TreeRead& what) { return repository.read_index(index, what); });
}

std::string source_of(const Commit& commit, const std::string& path) {
  // The first commit names a repository: it stays through clones, renames and other remotes, and no two
  // histories share it.
  if (commit.root.empty()) return {};
  return fmt::format("git:{}:{}", commit.root, path);
}

}  // namespace ovl
