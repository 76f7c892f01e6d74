// Brings a remote repository here, by git itself: it knows every transport, credential and proxy that people
// use.
#pragma once

#include <chrono>
#include <string>

#include "model/base/result.hpp"

namespace ovl {

struct FetchOptions {
  std::string url;   // https://, ssh://, user@host:path, file:// or an absolute path
  std::string ref;   // what to fetch of it, as full_ref() takes it
  int stop_fd = -1;  // as of ProcessCommand
  std::string
      mirror;  // a bare repository of our own, made when it is not there, and anew when it is at fault
  std::chrono::milliseconds timeout{60'000};
};

// The ref in the mirror that fetch() moves.
inline constexpr const char* kFetchedRef = "refs/ovl/fetched";

// Whether a --repo is somewhere else than a folder here: a URL, or user@host:path.
bool is_remote(const std::string& repository);

// Objects are checked as they come (fetch.fsckObjects), no hook runs, no submodule follows, nothing is asked
// on a terminal; ssh asks known_hosts. Of the environment git sees HOME, SSH_AUTH_SOCK and the proxies.
// Errors: usage (a transport that is not allowed), not_found (git is not installed), unreachable (with git's
// own words), io, interrupted.
Status fetch(const FetchOptions& options);

}  // namespace ovl
