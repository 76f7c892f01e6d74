// What a push or a merge does to a reference.
#pragma once

#include <string>
#include <string_view>

namespace ovl {

// One line of what git tells a hook on stdin.
struct RefUpdate {
  std::string before;  // as is_object_id() knows one; zeros: there was none
  std::string after;   // zeros: it is deleted
  std::string ref;     // "refs/heads/main"
};

inline constexpr std::string_view kNoCommit = "0000000000000000000000000000000000000000";

// Whether an id stands for none, in a repository with SHA-256 too.
inline bool is_no_commit(std::string_view id) {
  return id.find_first_not_of('0') == std::string_view::npos;
}

}  // namespace ovl
