// Man pages in man(7), made from the command tree.
#pragma once

#include <string>

#include "cmd/help/command_tree.hpp"

namespace ovl {

// The page of the whole program, ovl.1.
std::string main_page(const CommandInfo& root);

// The page of one verb or group of the root, as in ovl-plan.1.
std::string verb_page(const CommandInfo& root, const CommandInfo& verb);

// ovl.toml(5): the manifest's blocks and keys; and ovl-policy(5).
std::string manifest_page();
std::string policy_page();

}  // namespace ovl
