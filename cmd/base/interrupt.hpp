// Being told to end: SIGINT, SIGTERM and SIGHUP as something to ask for between two steps.
#pragma once

#include <chrono>

namespace ovl {

// From here on the first of these signals ends the program with exit code 130 and one line: so far it reads
// and plans, and has nothing to give back. Once somebody has asked interrupted(), it is a wish instead; a
// second signal, of whichever kind, ends the program at once. One that was ignored when the program began,
// as SIGHUP is under nohup, stays ignored. Once per process; again does nothing.
void listen_for_interrupts();

// Whether the wish has come. Who asks will ask again, between any two steps. What limits the time of reading
// and planning (ITIMER_REAL, see cmd/hooks/limit.hpp) is over with the first question.
bool interrupted();

// Readable as soon as the wish has come, for poll(); -1 before listen_for_interrupts().
int interrupt_fd();

// Sleeps until the wish comes or the time is over.
void wait_for_interrupt(std::chrono::milliseconds length);

}  // namespace ovl
