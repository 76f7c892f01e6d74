#include "cmd/session/manifest_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "reconcile/manifest/sources.hpp"
#include "reconcile/store/revision.hpp"

namespace ovl {

namespace {

// The folder of a manifest, so that it is the same place however it was named.
std::string folder_of(const std::string& path) {
  if (path.empty()) return ".";
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return path;
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

Origin origin_of(const Commit& commit, const std::string& path) {
  return Origin{
      .source = source_of(commit, path), .commit = commit.id, .author = commit.author, .path = path};
}

// Smaller manifests are parsed in less time than it takes to look for them.
constexpr std::size_t kWorthKeeping = 256U << 10U;

std::size_t bytes_of(const Sources& files) {
  std::size_t bytes = 0;
  for (const SourceFile& file : files) bytes += file.text.size();
  return bytes;
}

Result<ManifestSource> find_revision(const PlanOptions& options) {
  ManifestSource out{.revision = true};
  OVL_TRY(out.repository, repository_of(options));
  OVL_TRY(const std::string beside, out.repository->path_of(options.repo));
  const std::string ref = options.ref.empty() ? "HEAD" : options.ref;
  OVL_TRY(RevisionManifest found, read_revision(*out.repository, ref, options.path, beside));
  out.files = std::move(found.files);
  out.origin = origin_of(found.commit, found.path);
  // A shallow clone knows no first commit, by which its records' source would be called.
  out.shallow = found.commit.root.empty();
  if (bytes_of(out.files) >= kWorthKeeping) {
    // The id of what was named, not of the commit: commits that change something else find the same entry.
    OVL_TRY(const std::string id, out.repository->id_at(found.commit.id, found.path));
    // Named or not decides whether folders below count, so that one tree has two manifests.
    out.content = fmt::format("{} {} {}", id, options.path.empty() ? "default" : "named", out.files.size());
  }
  return out;
}

bool reads_the_same(GitRepository& repository, const WayToRead& way, const Origin& origin,
                    const Sources& files) {
  const auto found = read_revision(repository, origin.commit, way.path, way.beside);
  if (!found.ok() || found.value().path != origin.path) return false;
  const std::string source = source_of(found.value().commit, origin.path);
  // Whoever edited a saved plan could name a source that is not that of its commit, and pass the guard for
  // it.
  const bool same_source = source.empty() ? origin.source.starts_with("dir:") : source == origin.source;
  return same_source && digest_of(found.value().files) == digest_of(files);
}

// What HEAD has and the work tree does not is mostly left out by a sparse checkout. A sparse checkout is made
// by a tool, and who stands in it mostly does not know of it: "no such file" sends him looking for a mistake
// in the name.
Error left_out(const std::string& path, Error missing) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path place = fs::weakly_canonical(path, error);
  if (error || fs::exists(place, error)) return missing;
  fs::path there = place.parent_path();
  // The folder that is missing has no repository; the nearest one that is there has.
  while (!fs::exists(there, error) && there != there.parent_path()) there = there.parent_path();
  const auto repository = open_repository(there.string());
  if (!repository.ok() || !repository.value()) return missing;
  const std::string top = repository.value()->top();
  const std::string inside = place.lexically_relative(top).string();
  const auto head = repository.value()->commit("HEAD");
  if (!head.ok() || !repository.value()->id_at(head.value().id, inside).ok()) return missing;
  missing.hint = fmt::format(
      "HEAD has it: git -C {0} sparse-checkout add {1} where a sparse checkout leaves it out, git -C {0} "
      "restore {1} "
      "where it was removed; or plan the commit: --repo {0} --ref HEAD {1}",
      top, inside);
  return missing;
}

}  // namespace

Result<std::unique_ptr<GitRepository>> repository_of(const PlanOptions& options) {
  OVL_TRY(auto repository, need_repository(options.repo));
  // Only a hook's: the objects of a push that was not taken yet.
  if (!options.quarantine.empty()) OVL_CHECK(repository->add_quarantine(options.quarantine));
  return repository;
}

Result<ManifestSource> find_manifest(const PlanOptions& options) {
  if (!options.ref.empty() || !options.repo.empty()) return find_revision(options);
  ManifestSource out;
  auto files = read_sources(options.path);
  if (!files.ok() && files.error().code == Errc::not_found && !options.path.empty()) {
    return left_out(options.path, std::move(files).error());
  }
  OVL_TRY(out.files, std::move(files));
  return out;
}

// What was signed is the commit. A saved plan carries the files and the commit's id, and whoever had it could
// have changed the one and kept the other.
bool is_of_commit(GitRepository& repository, const Origin& origin, const Sources& files) {
  return std::ranges::any_of(ways_to_read(origin.path, files), [&](const WayToRead& way) {
    return reads_the_same(repository, way, origin, files);
  });
}

Status find_origin(ManifestSource& source, const std::string& path) {
  const std::string place = folder_of(path);
  // A repository that can't be read is an error and no plain folder: its records would get another source,
  // with --take-over as the remedy.
  OVL_TRY(source.repository, open_repository(place));
  if (!source.repository) return {};
  auto found = source.repository->checkout(place);
  if (!found.ok() && found.error().code == Errc::not_found) return {};  // no commit yet, or no work tree
  OVL_TRY(const Checkout checkout, std::move(found));
  // Whoever has no whole history, or has not committed the manifest, has a directory.
  source.shallow = checkout.tracked && checkout.root.empty();
  if (!checkout.tracked || checkout.root.empty()) return {};
  OVL_TRY(const Commit commit, source.repository->commit(checkout.commit));
  source.origin = origin_of(commit, checkout.path);
  source.dirty = checkout.dirty;
  return {};
}

}  // namespace ovl
