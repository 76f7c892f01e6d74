// How long a hook may hold up a push or a merge.
#pragma once

#include <chrono>

namespace ovl {

// Ends this process with words for the one who pushes or merges when it still looks after that time (exit
// code 12), or when it is told to end by SIGINT, SIGTERM or SIGHUP (130): there is nothing to give back. What
// goes on to make something is limited until it asks whether it is interrupted. Once per process.
void limit_hook(std::chrono::milliseconds time);

}  // namespace ovl
