// Where an apply keeps what it remembers and makes what it makes: whether it can.
#pragma once

#include <string>
#include <vector>

namespace ovl {

// What is in the way at the state directory, and at `ovl` and `netns` below the run directory: a link or a
// file where a folder belongs, a link to nowhere, a read-only file system. One that is not there is made by
// an apply.
std::vector<std::string> unusable_places(const std::string& state_directory,
                                         const std::string& run_directory);

}  // namespace ovl
