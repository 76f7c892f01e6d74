// Words that users of other tools bring along, and what they are called here.
#pragma once

#include <span>
#include <string>

#include "cmd/help/command_tree.hpp"

namespace ovl {

// What to say instead of a verb or command that the last of the chain does not have; empty: nothing is known.
std::string verb_of_other_tools(std::span<const CommandInfo* const> chain, const std::string& word);

// The same of an option, with its dashes: "--yes", "-f".
std::string option_of_other_tools(std::span<const CommandInfo* const> chain, const std::string& name);

}  // namespace ovl
