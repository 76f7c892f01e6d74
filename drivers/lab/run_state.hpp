// What labs leave on the machine while they are up, all below one directory that is a private tmpfs:
//   <root>/<id>/lab.json      what the lab is, and whether it is complete
//   <root>/<id>/{net,mnt,uts} the namespaces of its nodes, mounted on files
//   <root>/<id>/shared        files that all hosts see
//   <root>/made.json          mount points that had to be made on the machine's own file systems
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/base/handle.hpp"
#include "model/manifest/lab.hpp"

namespace ovl {

// A lab as its lab.json says it.
struct LabEntry {
  std::string id;
  std::string directory;  // of the manifest; its real path
  bool complete = false;  // up() went through to the end
  LabPlan plan;
};

// The name of a lab's folder: a hash of its directory (FNV-1a, 64 bits).
std::string lab_id(std::string_view directory);

class LabRunState {
 public:
  explicit LabRunState(std::string root) : root_(std::move(root)) {}

  [[nodiscard]] const std::string& root() const { return root_; }

  [[nodiscard]] std::string path_of(std::string_view id, std::string_view below = "") const;

  // Waits for the lock that up and down hold; it goes with the descriptor, and with the process. Errors:
  // privilege, io.
  [[nodiscard]] Result<UniqueFd> lock() const;
  // Removes the lock's file; whoever waits for it takes a new one. Precondition: locked.
  void remove_lock() const;

  // Mounts the tmpfs when it isn't there. Private: what is mounted below stays in this mount namespace.
  [[nodiscard]] Status make_root() const;
  // Unmounts it and removes the mount points that labs made, when no lab is left.
  [[nodiscard]] Status remove_unused_root() const;

  // All labs, by directory.
  [[nodiscard]] Result<std::vector<LabEntry>> list() const;
  [[nodiscard]] Result<std::optional<LabEntry>> find(std::string_view directory) const;

  // A lab's folder appears with its lab.json in it.
  [[nodiscard]] Status add(const LabEntry& entry) const;
  [[nodiscard]] Status update(const LabEntry& entry) const;
  // Precondition: nothing is mounted in the folder any more.
  [[nodiscard]] Status remove(const LabEntry& entry) const;
  // Removes folders that add() or remove() was killed over.
  void remove_unfinished() const;

  // Makes an empty file with all directories above it, and notes what it made before it makes it. What
  // exists stays as it is.
  [[nodiscard]] Status make_mount_point(const std::string& path) const;

 private:
  [[nodiscard]] bool is_mounted() const;
  [[nodiscard]] Result<std::vector<std::string>> made() const;
  [[nodiscard]] Status note_made(const std::string& path) const;

  std::string root_;
};

}  // namespace ovl
