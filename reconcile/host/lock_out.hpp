// No lock-out: the store and one peer that answered before the host's filters changed answer afterwards too,
// or the old filters come back.
#pragma once

#include <chrono>
#include <vector>

#include "reconcile/host/planned.hpp"
#include "reconcile/task/task.hpp"
#include "reconcile/task/world.hpp"

namespace ovl {

// What a command waits for them at most.
inline constexpr std::chrono::seconds kLongestLockOut{10};

// An endpoint on another host, and the namespace of one here that reaches it through a tunnel.
struct Peer {
  NetnsName from;
  IpAddress address;
};

// What answered before. Nothing, when the plan leaves the filters of the host's own namespace alone.
struct Answering {
  bool store = false;
  std::vector<Peer> peers;
};

// Asks the store, and of up to four other hosts an endpoint each; none in a network whose tunnel itself
// changes, nor one that moves or is new: their hosts may have to change first. Nor one of a lost host.
Answering ask_around(const Task& task, const World& world, const Planned& planned);

// Asks until each kind that answered does again, for at most world.lock_out_patience; then puts the filters
// back that were there before. Errors: verify, which says what fell silent and whether the old ones are back;
// the store's own, when it does not answer under the old ones either.
Status check_answering(const Answering& before, const Task& task, const World& world, const Planned& planned);

// Whether an address answers a ping from inside a namespace, within half a second.
bool answers_inside(const NetnsName& from, const IpAddress& address);

}  // namespace ovl
