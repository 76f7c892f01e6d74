// The command line: the tree of verbs and options, and nothing else.
#pragma once

#include "cmd/help/command_tree.hpp"

namespace ovl {

// Parses, runs one verb, answers the process's exit code.
int run_cli(int argc, char** argv);

// All of it as values, without running anything.
CommandInfo command_tree();

}  // namespace ovl
