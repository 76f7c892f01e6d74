// What a host keeps of an apply, and what the others learn of it: the one way out.
#pragma once

#include <string>

#include "reconcile/host/planned.hpp"
#include "reconcile/task/task.hpp"
#include "reconcile/task/world.hpp"

namespace ovl {

// After a verified apply: the generation, what this host follows from now on, and its status in the store.
// Out of the records, and with nothing left here, it has none. The cluster's view then says so, too. Errors:
// as State; as the store.
Status keep_and_report(const Task& task, World& world, Planned& planned, const std::string& apply_id);

// The same of one that removed everything, with or without a store. Errors: as State.
Status keep_removal(const Task& task, World& world, const Planned& planned, const std::string& apply_id);

// Whether this host's state and its status in the store say already what keep_and_report() would make them
// say. Errors: as State, and corrupt.
Result<bool> is_kept_and_reported(const Task& task, const World& world, const Planned& planned);

// Nothing differs here: the state is certain from now on, and of this machine as it is now. Errors: as State.
Status confirm_state(World& world, const Planned& planned);

// What went wrong on this host is for the others to see, with the commit that was tried. When that can't be
// told either, the first error is the one that counts.
void report_failure(const Task& task, World& world, const Planned& planned, const Error& error);

// What an apply would repair, for the others to see; the host stands where it stood. Errors: as the store.
Status report_drift(const Task& task, World& world, const Planned& planned);

// Since when this host does without its store, for `ovl status`, which can't ask it. Errors: as State.
Status note_away(const World& world, const Planned& planned);

// Whether an error says that something does not work here, and not that it has to be tried again, or that
// somebody asked for what makes no sense.
bool concerns_others(Errc code);

}  // namespace ovl
