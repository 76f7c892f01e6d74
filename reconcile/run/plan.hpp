// From a request to a plan: the stages, composed. Start reading here; apply.hpp goes on.
#pragma once

#include <functional>

#include "reconcile/cluster/want.hpp"
#include "reconcile/host/planned.hpp"
#include "reconcile/host/wish.hpp"
#include "reconcile/task/task.hpp"
#include "reconcile/task/world.hpp"

namespace ovl {

// What the user asks for. The members here say which stages it takes, and are read where those are composed;
// the stages themselves know the task alone.
struct Request : Task {
  Scope scope = Scope::all;
  bool destroy = false;
  bool refresh_only = false;         // facts and status are written, nothing else
  const Records* records = nullptr;  // what the records are to be again, in place of a manifest
  // Asked once more under the lock, before the first write; an error ends the apply: the plan is
  // stale, or has problems, which only the asker can show with their places.
  std::function<Status(const Planned&)> check = [](const Planned&) { return Status(); };
  // Approval takes a person's time: it is asked for before anything is locked, of a plan that `check` sees
  // first. The one under the locks is not approved again; whether it is the same is for `check` to say.
  bool asks = false;
  // Takes this host's lock, for as long as the apply lasts, before the plan that counts.
  std::function<Status()> lock_host = [] { return Status(); };
  // Called once, right before the first write under the cluster's name, when nothing is refused any more. An
  // error ends the apply.
  std::function<Status()> before_writing = [] { return Status(); };
};

// draft, wish, compare. Errors: guard, for what is refused before anything is decided; not_found for names
// that nothing has; those of the ports.
Result<Planned> make_plan(const Request& request, World& world);

// What this host lacks of a wish that no records are asked for, and has beside it. Errors: as compare().
Result<Plan> plan_for(const Task& task, World& world, Wish wish);

}  // namespace ovl
