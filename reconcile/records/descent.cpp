#include "reconcile/records/descent.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "drivers/git/ref_name.hpp"
#include "reconcile/manifest/sources.hpp"

namespace ovl {

namespace {

// A branch that has gone its own way for longer than that is no squash of what is applied.
constexpr std::size_t kMostCommits = 1000;

// What a manifest's files are in commits, by the way in which it is named.
class FilesOfCommits {
 public:
  FilesOfCommits(GitRepository& repository, const Origin& origin, const std::vector<WayToRead>& ways)
      : repository_(repository), path_(origin.path), digest_(origin.digest), way_(ways.front()) {
    // The files of a work tree may be those of no commit: all *.toml of the folder stand for them then.
    for (const WayToRead& way : ways) {
      if (read(origin.commit, way) != digest_) continue;
      way_ = way;
      break;
    }
  }

  // Of what is to be applied.
  [[nodiscard]] const std::string& digest() const { return digest_; }

  // None: it has no such manifest. A folder that is as it was is not read again.
  std::optional<std::string> of(const std::string& commit) {
    const auto id = repository_.id_at(commit, path_);
    if (!id.ok()) return std::nullopt;
    const auto known = by_folder_.find(id.value());
    if (known != by_folder_.end()) return known->second;
    return by_folder_.emplace(id.value(), read(commit, way_)).first->second;
  }

 private:
  std::optional<std::string> read(const std::string& commit, const WayToRead& way) {
    const auto found = read_revision(repository_, commit, way.path, way.beside);
    return found.ok() ? std::optional(digest_of(found.value().files)) : std::nullopt;
  }

  GitRepository& repository_;
  std::string path_;
  std::string digest_;
  WayToRead way_;
  std::map<std::string, std::optional<std::string>> by_folder_;
};

// Whether what `commit` stands on, and the applied commit does not, has had the applied files: all that is
// different now was changed after them.
Result<bool> stands_on_them(GitRepository& repository, FilesOfCommits& files, const std::string& commit,
                            const std::string& applied, const std::string& digest) {
  OVL_TRY(const auto own, repository.only_behind(commit, applied, kMostCommits));
  return std::ranges::any_of(own, [&](const std::string& id) { return files.of(id) == digest; });
}

}  // namespace

Result<Descent> descent_of(GitRepository& repository, const Origin& origin,
                           const std::vector<WayToRead>& ways, const std::string& applied) {
  OVL_TRY(const bool follows, repository.follows(origin.commit, applied));
  if (follows) return Descent::follows;
  if (!is_object_id(applied)) return Descent::unknown;
  const auto there = repository.commit(applied);
  if (!there.ok() && there.error().code == Errc::not_found) return Descent::unknown;
  if (!there.ok()) return there.error();
  FilesOfCommits of_commits(repository, origin, ways);
  const std::optional<std::string> digest = of_commits.of(applied);
  if (!digest) return Descent::apart;
  OVL_TRY(const bool behind, repository.follows(applied, origin.commit));
  if (behind) return digest == of_commits.digest() ? Descent::behind : Descent::apart;
  if (digest == of_commits.digest()) return Descent::goes_on;
  OVL_TRY(const bool stands, stands_on_them(repository, of_commits, origin.commit, applied, *digest));
  return stands ? Descent::goes_on : Descent::apart;
}

}  // namespace ovl
