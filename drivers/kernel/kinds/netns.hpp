// Named network namespaces: opened without being led astray, made and removed exactly as `ip netns`
// does, so that both see each other's. And the one way to act inside one: a short-lived thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "model/base/handle.hpp"
#include "model/base/values.hpp"

namespace ovl {

class NamespaceDirectory {
 public:
  // run_directory: where names are bind-mounted, "/run/netns". mount_namespace: the file of the mount
  // namespace in which they are, "/proc/1/ns/mnt", for a process that has one of its own whose mounts nobody
  // else sees; empty: the process's.
  explicit NamespaceDirectory(std::string run_directory, std::string mount_namespace = {})
      : path_(std::move(run_directory)), mounts_(std::move(mount_namespace)) {}

  // Errors: not_found when there is no such name (or only the empty file of an `add` that was cut
  // off), conflict when it is no network namespace, privilege, io.
  [[nodiscard]] Result<UniqueFd> open(const NetnsName& name) const;

  // Whether that name is only the empty file of an `add` that was cut off.
  [[nodiscard]] bool is_unfinished(const NetnsName& name) const;

  // Names that could be namespaces, sorted. An absent directory has none.
  [[nodiscard]] Result<std::vector<NetnsName>> list() const;

  // Makes a namespace, runs prepare() in a thread inside it, and gives it its name only then: a
  // namespace that has a name is never half prepared. Errors: conflict when the name exists.
  [[nodiscard]] Status create(const NetnsName& name, const std::function<Status()>& prepare) const;

  // Removes the name; the namespace goes when nothing holds it any more. Absent is success.
  [[nodiscard]] Status remove(const NetnsName& name) const;

 private:
  [[nodiscard]] Status make_directory() const;
  // Moves the calling thread to where the names are mounted; only for threads that end soon.
  [[nodiscard]] Status enter_mounts() const;
  // Runs work() there and waits for it.
  [[nodiscard]] Status where_mounts_are(const std::function<Status()>& work) const;
  [[nodiscard]] Status reserve_name(const NetnsName& name) const;

  [[nodiscard]] std::string path_of(const NetnsName& name) const { return path_ + "/" + name.text(); }

  std::string path_;
  std::string mounts_;
};

// A file below a directory, opened so that no symbolic link and no ".." leads out of it
// (openat2 with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS). errno as from openat2.
UniqueFd open_beneath(int directory, const char* path, int flags, unsigned mode = 0);

// Moves the calling thread; only for threads that end soon.
Status enter_namespace(int netns_fd);

// Moves the calling thread into a namespace of its own; only for threads that end soon. It goes with them.
// Errors: privilege, io.
Status enter_new_namespace();

// Runs work() (answering a Result) in a thread that first called enter(), and waits for it.
template <class Enter, class Work>
auto run_in_thread(const Enter& enter, Work&& work) -> decltype(work()) {
  std::optional<decltype(work())> answer;
  try {
    std::thread([&] {
      const Status entered = enter();
      if (entered.ok()) {
        answer.emplace(work());
      } else {
        answer.emplace(entered.error());
      }
    }).join();
  } catch (const std::system_error& error) {
    return Error{.code = Errc::io, .message = "starting a thread failed", .os_errno = error.code().value()};
  }
  return *std::move(answer);
}

// Runs work() (answering a Result) in a thread that entered the namespace, and waits for it. The
// calling thread stays where it is. netns_fd -1: work() runs here.
template <class Work>
auto run_in_namespace(int netns_fd, Work&& work) -> decltype(work()) {
  if (netns_fd < 0) return work();
  return run_in_thread([&] { return enter_namespace(netns_fd); }, std::forward<Work>(work));
}

}  // namespace ovl
