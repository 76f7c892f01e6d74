// The processes inside a lab: found by their namespaces, ended with pidfds so that none but they can
// be hit.
#pragma once

#include <sys/types.h>

#include <compare>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/base/result.hpp"

namespace ovl {

// What stat() says of a namespace's file.
struct NamespaceId {
  dev_t device = 0;
  ino_t inode = 0;

  auto operator<=>(const NamespaceId&) const = default;
};

// Absent when there is no namespace at path.
std::optional<NamespaceId> namespace_at(const std::string& path);

// Processes that are in one of the namespaces by network, mount or UTS, this process excepted, sorted. A
// program that unshares one of them, as `ip netns exec` does, is still found by the others.
Result<std::vector<pid_t>> processes_inside(const std::set<NamespaceId>& namespaces);

// Ends them: SIGTERM, two seconds' grace, SIGKILL, until none is left. Errors: conflict with the pids of
// those that don't end.
Status end_processes_inside(const std::set<NamespaceId>& namespaces);

}  // namespace ovl
