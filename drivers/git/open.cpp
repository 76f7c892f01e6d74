// Finds the repository and loads the driver.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "drivers/git/git_program_repository.hpp"
#include "drivers/git/repository.hpp"

namespace ovl {

namespace {

namespace fs = std::filesystem;

// As git itself tells one (setup.c, is_git_directory).
bool is_git_directory(const fs::path& folder) {
  std::error_code error;
  return fs::exists(folder / "HEAD", error) && fs::is_directory(folder / "objects", error) &&
         fs::is_directory(folder / "refs", error);
}

// The nearest folder at or above `place` that has a ".git", or is a repository itself; empty: none.
std::string top_of(const fs::path& place) {
  for (fs::path folder = place;; folder = folder.parent_path()) {
    std::error_code error;
    if (fs::exists(folder / ".git", error) || is_git_directory(folder)) return folder.string();
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

}  // namespace

// Whoever owns a repository decides what its commits say; see safe.directory in git-config(1).
Status check_repository_owner(const std::string& folder) {
  struct stat about {};

  if (::stat(folder.c_str(), &about) != 0) {
    return Error{.code = Errc::io, .message = fmt::format("{} can't be read", folder), .os_errno = errno};
  }
  const uid_t owner = about.st_uid;
  if (owner == ::geteuid() || owner == 0 || owner == sudo_user()) return {};
  return Error{.code = Errc::guard,
               .message = fmt::format("the git repository {} belongs to user {}", folder, owner),
               .hint = "run ovl as that user or through sudo, or give the repository to the one who runs it"};
}

Result<std::unique_ptr<GitRepository>> open_repository(const std::string& place,
                                                       const std::string& driver_directory) {
  std::error_code error;
  const fs::path real = fs::canonical(place.empty() ? "." : place, error);
  const std::string top = error ? std::string() : top_of(real);
  if (top.empty()) return std::unique_ptr<GitRepository>();
  const std::string inner = top + "/.git";
  OVL_CHECK(check_repository_owner(fs::exists(inner, error) ? inner : top));
  OVL_TRY(const void* module, load_module("git", kGitSymbol, driver_directory));
  auto opened = static_cast<const GitModule*>(module)->open(top);
  if (opened.ok() || opened.error().code == Errc::guard) return opened;
  // git has forms that libgit2 does not know; what git can't read either it says in its own words.
  return open_git_program(top);
}

Result<std::unique_ptr<GitRepository>> need_repository(const std::string& place) {
  OVL_TRY(auto repository, open_repository(place));
  if (repository) return repository;
  return Error{.code = Errc::not_found,
               .message = fmt::format("{} is in no git repository", place.empty() ? "this folder" : place),
               .hint = "name one with --repo DIR"};
}

}  // namespace ovl
