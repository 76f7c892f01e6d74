// What a repository has taken from those who push and not applied yet: told and made good by whoever comes
// next, however its post-receive ended.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cmd/session/ref_update.hpp"
#include "drivers/git/repository.hpp"

namespace ovl {

struct TakenPush {
  std::string commit;
  std::string before;                // what the branch had before it, as of RefUpdate
  std::int64_t since = 0;            // when it was pushed, seconds since the epoch
  std::vector<std::string> options;  // of the push, that ovl took

  // "commit 0123456789ab, pushed 2026-01-02 03:04:05Z"
  [[nodiscard]] std::string words() const;
};

// Makes the folder for such notes, REPO/ovl/taken, mode 0700. Errors: io.
Status make_taken_folder(const std::string& repository);

// Notes a commit and the push options that it is to be applied by, durably; without the folder nothing, as
// nobody applies here. Several may be noted at once: whether git takes a push is known only afterwards.
// Errors: io.
Status note_taken(const std::string& repository, const RefUpdate& update,
                  const std::vector<std::string>& options);

// What the branch has, when it is noted and so was never applied; none: nothing is to be made good.
std::optional<TakenPush> find_taken(GitRepository& repository, const std::string& branch);

// The same after an apply of `commit` by somebody else than a hook, where `place` is the repository that it
// came from: a folder or a file:// URL. Answers what had been left; none: nothing, or it can't be known here.
std::optional<TakenPush> made_good(const std::string& place, const std::string& commit);

// After an apply of `commit`: drops its note, those of what it came after, and those that are a day old and
// name what the repository does not have.
void drop_taken(GitRepository& repository, const std::string& commit);

}  // namespace ovl
