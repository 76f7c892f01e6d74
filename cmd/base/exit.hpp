// Exit codes. Frozen: scripts depend on them.
#pragma once

#include "model/base/result.hpp"

namespace ovl {

inline constexpr int kExitDone = 0;          // done, nothing to do
inline constexpr int kExitError = 1;         // also usage errors
inline constexpr int kExitChanges = 2;       // changes, with --detailed-exitcode
inline constexpr int kExitStale = 10;        // the plan is stale
inline constexpr int kExitLocked = 11;       // somebody holds the lock
inline constexpr int kExitRefused = 12;      // refused by a guard; a plan with conflicts
inline constexpr int kExitManifest = 13;     // the manifest is invalid
inline constexpr int kExitUnreachable = 16;  // the keystore does not answer
inline constexpr int kExitPrivilege = 17;    // needs privileges
inline constexpr int kExitNotVerified = 18;  // verify failed, nothing rolled back
inline constexpr int kExitInterrupted = 130;

// What sudo, docker exec and env(1) answer for failures of their own, as `ovl exec` does.
inline constexpr int kExitOwnFailure = 125;
inline constexpr int kExitCannotRun = 126;
inline constexpr int kExitNoCommand = 127;

constexpr int exit_code(Errc code) {
  switch (code) {
    case Errc::stale: return kExitStale;
    case Errc::locked: return kExitLocked;
    case Errc::guard: return kExitRefused;
    case Errc::manifest: return kExitManifest;
    case Errc::unreachable:
    case Errc::in_doubt: return kExitUnreachable;
    case Errc::privilege: return kExitPrivilege;
    case Errc::verify: return kExitNotVerified;
    case Errc::interrupted: return kExitInterrupted;
    case Errc::usage:
    case Errc::io:
    case Errc::conflict:
    case Errc::kernel:
    case Errc::not_found:
    case Errc::corrupt:
    case Errc::unsupported:
    case Errc::bug: return kExitError;
  }
  return kExitError;
}

}  // namespace ovl
