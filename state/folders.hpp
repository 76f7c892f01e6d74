// Where the state of a cluster lies: <root>/clusters/<cluster>. Earlier versions kept it in
// <root>/<cluster>, where "sync" and "suspended" are names of other things.
#pragma once

#include <string>
#include <vector>

#include "state/state.hpp"

namespace ovl {

// The folder that has this cluster's state, or where it will be made. Makes and moves nothing. Errors:
// conflict (it is in both places).
Result<std::string> find_state_folder(const StateOptions& options);

// Moves what earlier versions left to where it belongs; killed at any moment, the next call goes on. What
// can't be moved (another file system, or in the way is something) stays and is found where it is.
void move_state_folders(const std::string& root);

// The clusters whose state is below root, in either place; sorted.
std::vector<Label> clusters_with_state(const std::string& root);

}  // namespace ovl
