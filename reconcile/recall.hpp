// Stage "recall": what this place remembers, beside what the store holds or where it can't be asked.
#pragma once

#include "reconcile/pipeline.hpp"

namespace ovl {

// Fills planned.known, memory, tree and puts_back from planned.view, with a warning when records are put back
// and a refusal when a cluster may not begin here. Errors: guard, when nothing is remembered that --restored
// asks for; as State.
Status recall(const Request& request, const World& world, Planned& planned);

// Whether who follows the store at `url` goes on without it after this error. A server that refuses, or
// answers what no store does, and a secret that is not there yet, are like one that is away; a file is there
// or not.
bool is_away(const Error& why, const std::string& url);

// The last good records in place of a store that can't be reached, for a host that only follows it: it may
// boot before its store. Errors: `why`, where nothing stands for it.
Status stand_alone(const Request& request, const World& world, const Error& why, Planned& planned);

// Facts of hosts that have not spoken since.
void recall_facts(const Facts& remembered, Facts& facts);

}  // namespace ovl
