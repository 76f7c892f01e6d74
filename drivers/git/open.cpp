// Finds the repository and loads the driver.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "drivers/git/repository.hpp"

namespace ovl {

namespace {

namespace fs = std::filesystem;

// The nearest folder at or above `place` that has a ".git"; empty: none.
std::string top_of(const fs::path& place) {
  for (fs::path folder = place;; folder = folder.parent_path()) {
    std::error_code error;
    if (fs::exists(folder / ".git", error)) return folder.string();
    if (folder == folder.parent_path()) return {};
  }
}

// Who called sudo; the repository is then usually that user's.
std::optional<uid_t> sudo_user() {
  const char* text = std::getenv("SUDO_UID");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  if (text == nullptr || ::geteuid() != 0) return std::nullopt;
  uid_t user = 0;
  const std::string_view digits(text);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), user);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return user;
}

// Whoever owns a repository decides what its commits say; see safe.directory in git-config(1).
Status check_owner(const std::string& top) {
  struct stat about {};

  if (::stat((top + "/.git").c_str(), &about) != 0) {
    return Error{.code = Errc::io, .message = fmt::format("{}/.git can't be read", top), .os_errno = errno};
  }
  const uid_t owner = about.st_uid;
  if (owner == ::geteuid() || owner == 0 || owner == sudo_user()) return {};
  return Error{.code = Errc::guard,
               .message = fmt::format("the git repository {} belongs to user {}", top, owner),
               .hint = "run ovl as that user or through sudo, or give the repository to the one who runs it"};
}

}  // namespace

Result<std::unique_ptr<GitRepository>> open_repository(const std::string& place,
                                                       const std::string& driver_directory) {
  std::error_code error;
  const fs::path real = fs::canonical(place.empty() ? "." : place, error);
  const std::string top = error ? std::string() : top_of(real);
  if (top.empty()) return std::unique_ptr<GitRepository>();
  OVL_CHECK(check_owner(top));
  OVL_TRY(const void* module, load_module("git", kGitSymbol, driver_directory));
  return static_cast<const GitModule*>(module)->open(top);
}

}  // namespace ovl
