// The ports to the world, and what of the world is asked in no other way. Absent where a command does not
// need them.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "drivers/kernel/kernel.hpp"
#include "drivers/keystore/keystore.hpp"
#include "reconcile/store/store_lock.hpp"
#include "state/identity.hpp"
#include "state/state.hpp"

namespace ovl {

struct World {
  Kernel* kernel = nullptr;
  Keystore* keystore = nullptr;
  State* state = nullptr;
  State* memory = nullptr;  // what whoever writes records here keeps of them, apart from this host's state
  Error why_away;           // when there is no keystore, as it can't be reached
  // An error when a store without the cluster is none that ever had it, as on a file system that is not
  // mounted yet. Asked where nobody says that it was lost.
  std::function<Status()> in_place = [] { return Status(); };
  std::int64_t now = 0;   // seconds since the epoch
  HostIdentity identity;  // of this machine, without its address; empty: nobody asks
  StoreLock::Holder holder;
  std::function<bool(const StoreLock::Holder&)> holder_is_dead = [](const StoreLock::Holder&) {
    return false;
  };
  // Whether the user wants the command to end; an apply does between two steps, and gives its lock back.
  std::function<bool()> stop = [] { return false; };
  // Told once of each lock that has to be waited for: who holds it, and how long that is waited for at most.
  std::function<void(const std::string& held, std::chrono::milliseconds limit)> waits =
      [](const std::string&, std::chrono::milliseconds) {};
  // Whether an address answers from inside a namespace; empty: nobody can be asked.
  std::function<bool(const NetnsName& from, const IpAddress& address)> answers;
  // How long who answered before the host's filters changed may be silent afterwards; 0: asked twice.
  std::chrono::milliseconds lock_out_patience{0};
};

}  // namespace ovl
