// git itself, for what only it knows.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace ovl {

inline constexpr const char* kGitProgram = "/usr/bin/git";

// The environment for git: nothing but these variables, where they are set.
std::vector<std::string> git_environment(std::span<const char* const> passed);

// The first line of what git printed: what went wrong stands first, advice behind it.
std::string first_line(const std::string& text);

}  // namespace ovl
