// The command line: the tree of verbs and options, and nothing else.
#pragma once

namespace ovl {

// Parses, runs one verb, answers the process's exit code.
int run_cli(int argc, char** argv);

}  // namespace ovl
