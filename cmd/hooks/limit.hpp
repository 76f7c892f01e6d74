// How long a hook may hold up a push.
#pragma once

#include <chrono>

namespace ovl {

// Ends this process with words for the one who pushes when it still runs after that time (exit code 12), or
// when it is told to end by SIGINT, SIGTERM or SIGHUP (130). For what only looks: there is nothing to give
// back. Once per process.
void limit_hook(std::chrono::milliseconds time);

}  // namespace ovl
