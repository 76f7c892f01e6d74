#include "drivers/git/hooks_folder.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <string_view>
#include <vector>

#include "drivers/git/git_program.hpp"
#include "drivers/process/run.hpp"

namespace ovl {

namespace {

namespace fs = std::filesystem;

// Where an account's configuration is, and whether the machine's counts.
constexpr std::array<const char*, 5> kAccount{"HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL",
                                              "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"};

// Hooks run as the account that is pushed to, which has a configuration of its own.
std::vector<std::string> environment_for(const std::string& directory) {
  struct stat about {};

  const bool foreign = ::stat(directory.c_str(), &about) == 0 && about.st_uid != ::geteuid();
  const passwd* owner = foreign ? ::getpwuid(about.st_uid) : nullptr;  // NOLINT(concurrency-mt-unsafe)
  if (owner == nullptr) return git_environment(kAccount);
  std::vector<std::string> out = git_environment({});
  out.push_back(fmt::format("HOME={}", owner->pw_dir));
  return out;
}

fs::path real(const std::string& folder) {
  std::error_code error;
  const fs::path out = fs::weakly_canonical(folder, error);
  return error ? fs::path(folder).lexically_normal() : out;
}

bool is_below(const fs::path& folder, const fs::path& top) {
  return (folder.string() + "/").starts_with(top.string() + "/");
}

}  // namespace

Result<std::string> hooks_folder(const GitRepository& repository) {
  const std::string directory = repository.own_directory();
  // A named directory is taken whoever it belongs to (setup.c, setup_explicit_git_dir); its owner is checked
  // where it is opened. A relative path counts from where git runs hooks: the top.
  OVL_TRY(
      const ProcessOutput ran,
      run_process({.arguments = {kGitProgram, "--git-dir=" + directory, "rev-parse", "--git-path", "hooks"},
                   .environment = environment_for(directory),
                   .directory = repository.top()}));
  const std::string said = first_line(ran.out);
  if (ran.status != 0 || said.empty()) {
    return Error{.code = Errc::io,
                 .message = fmt::format("git can't say where it runs the hooks of {}: {}", directory,
                                        first_line(ran.err))};
  }
  const fs::path folder = fs::path(repository.top()) / said;
  std::string text = folder.lexically_normal().string();
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return text;
}

bool is_own_folder(const GitRepository& repository, const std::string& folder) {
  const fs::path at = real(folder);
  return is_below(at, real(repository.directory())) || is_below(at, real(repository.top()));
}

}  // namespace ovl
