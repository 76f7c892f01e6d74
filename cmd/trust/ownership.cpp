// Root works in a folder that another account may write: between two calls that account can put a link or
// another file into the place of what was looked at. So nothing is done by path. Each thing is opened once,
// without following a link, and what was opened is what is looked at and given away.
#include "cmd/trust/ownership.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "files/read.hpp"
#include "model/base/handle.hpp"

namespace ovl {

namespace {

class Giver {
 public:
  explicit Giver(const struct stat& owner) : owner_(owner) {}

  // A folder with what is in it, and in its folders, which is not more than ovl makes.
  Status give(int parent, const std::string& name, const std::string& shown, int levels) const {
    // O_PATH opens no file for reading and waits for no pipe.
    const UniqueFd found(::openat(parent, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));

    struct stat about {};

    // Gone meanwhile, or not made at all: nothing to give.
    if (!found.valid() || ::fstat(found.get(), &about) != 0) return {};
    OVL_CHECK(give_one(found, about, shown));
    // As deep as ovl makes folders there: what lies deeper is not ours, and a tree without end ends.
    return S_ISDIR(about.st_mode) && levels > 0 ? give_all(found, shown, levels - 1) : Status();
  }

 private:
  // What has a second name may be somebody else's file (link(2)).
  [[nodiscard]] Status give_one(const UniqueFd& found, const struct stat& about,
                                const std::string& shown) const {
    // The account could link a file of root's into its folder, /etc/shadow on the same file system, and be
    // given it with its other name.
    const bool ours = S_ISDIR(about.st_mode) || (S_ISREG(about.st_mode) && about.st_nlink == 1);
    // Only what is root's is root's to give.
    if (!ours || about.st_uid != ::geteuid()) return {};
    // AT_EMPTY_PATH gives what the descriptor is of, as chown by /proc/self/fd would, without a path.
    if (::fchownat(found.get(), "", owner_.st_uid, owner_.st_gid, AT_EMPTY_PATH) == 0) return {};
    return Error{
        .code = Errc::io,
        .message = fmt::format("{} can't be given to user {}, whose repository it is", shown, owner_.st_uid),
        .os_errno = errno};
  }

  [[nodiscard]] Status give_all(const UniqueFd& folder, const std::string& shown, int levels) const {
    OVL_TRY(const auto names, names_in(folder.get(), shown));
    for (const std::string& name : names) {
      OVL_CHECK(give(folder.get(), name, fmt::format("{}/{}", shown, name), levels));
    }
    return {};
  }

  const struct stat& owner_;
};

}  // namespace

Status leave_to_owner(const std::string& repository) {
  const UniqueFd folder(::open(repository.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));

  struct stat owner {};

  const bool root = ::geteuid() == 0 && folder.valid() && ::fstat(folder.get(), &owner) == 0;
  if (!root || owner.st_uid == 0) return {};
  return Giver(owner).give(folder.get(), "ovl", repository + "/ovl", 2);
}

}  // namespace ovl
