// Which namespaces ovl made on this host, and so may remove. The mark on a namespace's lo can be written by
// whoever is root in it: it counts only where this host's memory or the namespace's own name bears it out.
// What the memory knows by its birth is ovl's without a mark, too.
#pragma once

#include "model/plan/plan.hpp"
#include "reconcile/objects/netns_list.hpp"
#include "state/state.hpp"

namespace ovl {

// Sets Netns::made_here, and takes the marks away from observed namespaces that ovl did not make: they are
// somebody else's from here on. Memory decides; of what it does not know, a name that ovl itself would choose
// and that the host has not listed as somebody else's (NetnsList).
Status discount_marks(HostObjects& observed, const State& state, const Label& cluster,
                      const NetnsList& listed = {});

// Namespaces of others that endpoints were given here before; sorted.
Result<std::vector<NetnsName>> taken_before(const State& state);

// Keeps who made the plan's namespaces. Before the first write, so that a crash leaves none unknown.
Status remember_makers(const Plan& plan, State& state);

// Of namespaces that the plan makes: those of the same names before them are gone. Before the first write.
Status forget_births(const Plan& plan, State& state);

// Of all, as they were another machine's.
Status forget_all_births(State& state);

// Learns which ones they are that ovl made, of those that still bear its mark. After the last write.
Status remember_births(const HostObjects& observed, const Label& cluster, State& state);

// Forgets all but those in `kept`, which is sorted.
Status forget_makers(std::span<const NetnsName> kept, State& state);

}  // namespace ovl
