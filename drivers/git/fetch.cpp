#include "drivers/git/fetch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <vector>

#include "drivers/git/git_program.hpp"
#include "drivers/git/ref_name.hpp"
#include "drivers/process/run.hpp"

namespace ovl {

namespace {

namespace fs = std::filesystem;

// What a proxied or an ssh-agent's user needs.
constexpr std::array<const char*, 8> kPassed{"HOME",        "SSH_AUTH_SOCK", "http_proxy", "https_proxy",
                                             "HTTPS_PROXY", "all_proxy",     "no_proxy",   "NO_PROXY"};

std::vector<std::string> environment() {
  std::vector<std::string> out = git_environment(kPassed);
  for (const char* setting :
       {"GIT_TERMINAL_PROMPT=0", "GIT_SSH_COMMAND=ssh -o BatchMode=yes", "GIT_PROTOCOL_FROM_USER=0"}) {
    out.emplace_back(setting);
  }
  return out;
}

std::vector<std::string> git(std::vector<std::string> words) {
  std::vector<std::string> out{kGitProgram};
  // Transports that run commands (ext::) or are not authenticated (git://, http://) are never spoken.
  for (const char* setting :
       {"protocol.allow=never", "protocol.https.allow=always", "protocol.ssh.allow=always",
        "protocol.file.allow=always", "core.hooksPath=/dev/null", "fetch.fsckObjects=true", "gc.auto=0",
        "maintenance.auto=false"}) {
    out.insert(out.end(), {"-c", setting});
  }
  std::ranges::move(words, std::back_inserter(out));
  return out;
}

Status run_git(const FetchOptions& options, std::vector<std::string> words, Errc code) {
  OVL_TRY(const ProcessOutput ran, run_process(ProcessCommand{.arguments = git(std::move(words)),
                                                              .environment = environment(),
                                                              .timeout = options.timeout,
                                                              .stop_fd = options.stop_fd}));
  if (ran.status == 0) return {};
  return Error{
      .code = code,
      .message = fmt::format("fetching {}: {}", options.url, first_line(ran.err)),
      .hint = fmt::format("see more by hand: git ls-remote {}; a tag is named as tags/NAME", options.url)};
}

Status make_mirror(const FetchOptions& options, const std::string& mirror) {
  std::error_code error;
  if (fs::exists(mirror + "/HEAD", error)) return {};
  fs::create_directories(fs::path(mirror).parent_path(), error);
  if (error)
    return Error{.code = Errc::io, .message = fmt::format("{} can't be made: {}", mirror, error.message())};
  return run_git(options, {"init", "--quiet", "--bare", mirror}, Errc::io);
}

Status fetch_into(const FetchOptions& options, const std::string& mirror) {
  OVL_CHECK(make_mirror(options, mirror));
  return run_git(
      options,
      {"-C", mirror, "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head",
       "--force", "--", options.url, fmt::format("+{}:{}", full_ref(options.ref), kFetchedRef)},
      Errc::unreachable);
}

// A mirror has nothing that can't be fetched again: one that a killed git left half made or locked, or that a
// disk has damaged, gives way to one that works.
Status fetch_anew(const FetchOptions& options) {
  std::error_code error;
  const std::string fresh = options.mirror + ".new";
  fs::remove_all(fresh, error);
  Status fetched = fetch_into(options, fresh);
  if (fetched.ok()) {
    fs::remove_all(options.mirror, error);
    fs::rename(fresh, options.mirror, error);
    if (!error) return {};
    fetched = Error{.code = Errc::io,
                    .message = fmt::format("{} can't be made: {}", options.mirror, error.message())};
  }
  fs::remove_all(fresh, error);
  return fetched;
}

Status check_url(const FetchOptions& options) {
  if (options.ref.starts_with('-') || options.ref.find_first_of(": \t\n") != std::string::npos) {
    return Error{.code = Errc::usage,
                 .message = fmt::format("\"{}\" is no ref", options.ref),
                 .hint = "name a branch or a tag"};
  }
  for (const std::string_view lead : {"https://", "ssh://", "file://", "/"}) {
    if (options.url.starts_with(lead)) return {};
  }
  const bool scheme =
      options.url.find("://") != std::string::npos || options.url.find("::") != std::string::npos;
  if (!scheme && !options.url.starts_with('-') && is_remote(options.url)) return {};
  return Error{.code = Errc::usage,
               .message = fmt::format("{} is of no transport that is used", options.url),
               .hint = "use https://, ssh://, user@host:path, file:// or an absolute path"};
}

}  // namespace

bool is_remote(const std::string& repository) {
  const auto colon = repository.find(':');
  return colon != std::string::npos && repository.substr(0, colon).find('/') == std::string::npos;
}

Status fetch(const FetchOptions& options) {
  OVL_CHECK(check_url(options));
  std::error_code error;
  const bool was_there = fs::exists(options.mirror, error);
  Status fetched = fetch_into(options, options.mirror);
  if (fetched.ok() || !was_there || fetched.error().code == Errc::interrupted) return fetched;
  return fetch_anew(options).ok() ? Status() : std::move(fetched);
}

}  // namespace ovl
