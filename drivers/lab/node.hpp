// One node of a lab: a mount namespace and a UTS namespace around a network namespace, so that programs
// inside see a machine of their own. Nothing runs in it to keep it: a file that it is mounted on does.
#pragma once

#include <string>
#include <vector>

#include "model/base/handle.hpp"
#include "model/base/result.hpp"

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

// Makes the namespaces: the node's own tree (own_tree.hpp), /sys of the network namespace, shared files
// mounted last. Precondition: the shared files' mount points exist, but for those in private directories.
// Errors: privilege, io.
Result<NodeNamespaces> make_node(const NodeWish& wish);

// Mounts the namespace on the file at path, which keeps it until unpin(). The mount above must be
// private: a mount namespace can't be mounted where it would reach itself (mnt_ns_loop()).
Status pin(const UniqueFd& space, const std::string& path);
// Unmounts and removes what is at path, file or directory. Absent is success.
Status unpin(const std::string& path);

// How to get into a node, and what must be in sight there.
struct NodePins {
  std::string net;
  std::string mount;
  std::string uts;
  std::vector<SharedFile> shared;
};

// Moves the process, which must have one thread, into the three pinned namespaces, and back to the directory
// it stood in where that exists inside. What was entered stays entered on failure. Errors: privilege, io;
// conflict when a directory of the node's own, or a shared file, was detached: what lies there is the
// machine's.
Status enter_node(const NodePins& pins);

}  // namespace ovl
