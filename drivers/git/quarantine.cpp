#include "drivers/git/quarantine.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "drivers/git/repository.hpp"

namespace ovl {

namespace fs = std::filesystem;

Result<std::string> quarantine_of(const std::string& objects, const std::string& folder) {
  std::error_code error;
  const fs::path real = fs::canonical(folder, error);
  const fs::path parent = fs::canonical(objects, error);
  const std::string name = real.filename().string();
  // tmp-objdir.c: "tmp_objdir-incoming-XXXXXX", and "incoming-XXXXXX" before git 2.35.
  const bool ours = !error && real.parent_path() == parent &&
                    (name.starts_with("tmp_objdir-") || name.starts_with("incoming-"));
  if (!ours) {
    return Error{.code = Errc::guard,
                 .message = fmt::format("{} is no quarantine of this repository", folder),
                 .hint = "git sets GIT_QUARANTINE_PATH; nothing else may"};
  }
  OVL_CHECK(check_repository_owner(real.string()));
  return real.string();
}

}  // namespace ovl
