// One node of a lab: a mount namespace and a UTS namespace around a network namespace, so that programs
// inside see a machine of their own. Nothing runs in it to keep it: a file that it is mounted on does.
#pragma once

#include <string>
#include <vector>

#include "model/handle.hpp"
#include "model/result.hpp"

namespace ovl {

// A file of the lab that a node sees at a path of its own choice.
struct SharedFile {
  std::string source;
  std::string target;  // absolute
};

struct NodeWish {
  int netns_fd = -1;
  std::string hostname;
  std::string hidden;  // a mount that the node must not see or hold: the lab's run state
  std::vector<SharedFile> shared;
};

struct NodeNamespaces {
  UniqueFd mount;
  UniqueFd uts;
};

// The directories that each node has to itself, empty at first and gone with it.
std::vector<std::string> private_directories();

// Makes the namespaces: own /run, /etc/netns and /var/lib/ovl, /sys of the network namespace, shared
// files mounted last. Precondition: mount points outside of the private directories exist.
// Errors: privilege, io.
Result<NodeNamespaces> make_node(const NodeWish& wish);

// Mounts the namespace on the file at path, which keeps it until unpin(). The mount above must be
// private: a mount namespace can't be mounted where it would reach itself (mnt_ns_loop()).
Status pin(const UniqueFd& space, const std::string& path);
// Unmounts and removes what is at path, file or directory. Absent is success.
Status unpin(const std::string& path);

// Moves the process, which must have one thread, into the three namespaces pinned at these paths, and
// back to the directory it stood in where that exists inside. What was entered stays entered on failure.
struct NodePins {
  std::string net;
  std::string mount;
  std::string uts;
};

Status enter_node(const NodePins& pins);

}  // namespace ovl
