// One writer per host: a lock on a file of the run directory, named after the network namespace that
// it guards. It has no time to live: a stopped holder keeps it, a dead one loses it with its process.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "model/base/handle.hpp"
#include "model/base/result.hpp"

namespace ovl {

struct HostLockOptions {
  std::string run_directory = "/run";  // the lock is below <run directory>/ovl, made 0700 when absent
  std::string command;                 // what the holder does, for messages: "ovl apply"
  std::int64_t since = 0;              // now, seconds since the epoch
  std::chrono::milliseconds timeout{0};
  // Told once, when it has to be waited for: "this host's lock /run/ovl/lock.1 is held by ..."; may be empty.
  std::function<void(const std::string& held)> waiting = {};
};

// Who holds a lock, as far as it says so itself.
struct HostLockHolder {
  std::int64_t pid = 0;
  std::string command;
  std::int64_t since = 0;
};

// Held until it is destroyed. A forked child shares it; a program that is executed does not.
class HostLock {
 public:
  HostLock(HostLock&&) noexcept = default;
  HostLock& operator=(HostLock&&) = delete;
  ~HostLock();

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  friend Result<HostLock> lock_host(const HostLockOptions& options);

  HostLock(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  UniqueFd fd_;
  std::string path_;
};

// Errors: locked ("held by pid 123 (ovl apply) since ...") when the time is up, interrupted (a signal
// came while waiting), privilege, io (something that is no file of ours is in the way).
Result<HostLock> lock_host(const HostLockOptions& options);

// Who holds the lock of this network namespace now; none: nobody, or it does not say.
Result<std::optional<HostLockHolder>> host_lock_holder(const std::string& run_directory);

}  // namespace ovl
