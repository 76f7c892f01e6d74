// The way through, top to bottom: start reading here. make_plan() is everything up to the plan;
// apply() asks, executes, verifies and records.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "drivers/kernel/kernel.hpp"
#include "drivers/keystore/keystore.hpp"
#include "model/manifest.hpp"
#include "model/plan.hpp"
#include "reconcile/descent.hpp"
#include "reconcile/diff_objects.hpp"
#include "reconcile/execute_records.hpp"
#include "reconcile/filters.hpp"
#include "reconcile/foreign_drops.hpp"
#include "reconcile/freeze.hpp"
#include "reconcile/full_ttl.hpp"
#include "reconcile/last_good.hpp"
#include "reconcile/memory.hpp"
#include "reconcile/moves.hpp"
#include "reconcile/netns_list.hpp"
#include "reconcile/observe.hpp"
#include "reconcile/progress.hpp"
#include "reconcile/refuse.hpp"
#include "reconcile/selection.hpp"
#include "reconcile/store_view.hpp"
#include "state/identity.hpp"
#include "state/state.hpp"

namespace ovl {

// What the user asks for.
struct Request {
  Scope scope = Scope::all;
  bool destroy = false;
  Label cluster;
  HostName host;                           // this machine; empty in cluster scope
  std::string keystore_access;             // how to reach it, without secrets; the host is bound to it
  std::vector<KeystoreAddress> keystores;  // its servers, which endpoints must not reach
  const Manifest* manifest = nullptr;      // absent: the records say what is wanted
  // What the records are to be again, in place of a manifest: those of a generation; see past_records.hpp.
  const Records* records = nullptr;
  Origin origin;  // of the manifest, or of that generation
  // How the origin's commit stands to `applied`. Empty where there is no commit.
  std::function<Result<Descent>(const std::string& applied)> descent;
  bool dirty = false;           // the manifest's files are not those of the commit
  bool shallow = false;         // they are of a clone that does not know where its history begins
  bool take_over = false;       // the origin may become the records' source in place of another
  bool allow_rollback = false;  // another source or an older commit may be applied; an older tree followed
  bool goes_back = false;       // an older commit may be applied, to the store that is followed
  bool restored = false;        // an older tree, or another lineage, is put back from what is remembered
  // A cluster that is not in the store, and that nobody here remembers, may be begun.
  bool may_begin = true;
  std::optional<DestroyLimit> max_destroy;
  std::optional<Policy> host_policy;  // beside the manifest's own: both hold
  // Who signed exactly what the manifest holds; only for one that was read from `commit` itself: a work
  // tree's files are not what was signed. Empty: nobody, or nobody looked.
  std::string signer;
  std::string unsigned_because;          // why there is no signer: verify_signature's message; may be empty
  Selection selection;                   // of what would change
  Replaces replaces;                     // objects to make anew
  bool refresh_only = false;             // facts and status are written, nothing else
  std::vector<std::string> environment;  // variables that options were taken from, for the plan to name
  std::vector<Move> moves;               // renames beside those of the manifest
  // Namespaces of others that endpoints may take. With own_words the manifest alone decides: it is the
  // caller's.
  NetnsList netns_list;
  bool own_words = false;
  std::vector<std::string> adopt;  // addresses of what exists here and may be taken over
  std::chrono::milliseconds lock_timeout{30'000};
  std::chrono::seconds lock_ttl{60};  // of a lock whose holder went without a word
  // Asked once more under the lock, before the first write; an error ends the apply: the plan is
  // stale, or has problems, which only the asker can show with their places.
  std::function<Status(const struct Planned&)> check;
  // Approval takes a person's time: it is asked for before anything is locked, of a plan that `check` sees
  // first. The one under the locks is not approved again; whether it is the same is for `check` to say.
  bool asks = false;
  // Takes this host's lock, for as long as the apply lasts, before the plan that counts; may be empty.
  std::function<Status()> lock_host = {};
  // Called once, right before the first write under the cluster's name, when nothing is refused any more; may
  // be empty. An error ends the apply.
  std::function<Status()> before_writing;
};

// The ports to the world. Absent where the scope does not need them.
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

// A plan and what an apply of it needs.
struct Planned {
  Plan plan;
  Records desired;
  Records unselected;  // the desired ones before a selection
  StoreView view;
  Memory memory;                   // of the cluster, in this place
  Remembered remembered;           // the records with it, when they are put back or stand for the store's
  Tree tree = Tree::goes_on;       // what the store holds, against that
  bool puts_back = false;          // the records are written as they are remembered
  std::optional<Descent> descent;  // of the origin's commit; absent: there is none, or it has no say
  bool takes_source = false;  // the head gets the origin's source and commit, whatever becomes of the records
  bool away = false;    // the last good records stand for the store's, which can't be reached, or do not fit
  bool misfit = false;  // the store's records are not those of its head
  Records known;        // what the manifest's open values are kept from
  std::vector<HostName> lost;          // hosts that are lost, sorted; see lost_hosts.hpp
  bool lost_counts = false;            // for guards and policies: what is known, and the store has lost
  std::optional<HostFacts> own_facts;  // fresh
  std::optional<HostFacts>
      published;          // what the store has of them; none, too, when nobody holds the host's name
  HostSwitches switches;  // of this host
  std::vector<ForeignDrop> foreign_drops;  // here; the sure ones are warnings of the plan
  FullTtlWord full_ttl;                    // of those on this host's links
  std::optional<NftTable> stricter;        // this host's filter, when it is to demand more than in the plan
  Diagnostics problems;                    // of the manifest; the plan is empty then
  std::vector<Finding> failed;             // what froze parts of this host while the plan was carried out
  FrozenParts frozen;                      // these, and those of the plan
  // What differed in these when an apply was verified: left_objects(); none: nothing was applied.
  std::optional<std::vector<std::string>> still_left = {};
};

Result<Planned> make_plan(const Request& request, World& world);

// Why parts of this host are left as they are: conflicts, and failures of an apply. The first of each counts.
std::vector<Finding> left_as_it_is(const Planned& planned);

struct Applied {
  Planned planned;            // what was (or would have been) applied; without what is left as it is
  std::vector<Finding> left;  // left_as_it_is(): all else is done
  std::int64_t serial = 0;    // of head afterwards
  std::uint64_t writes = 0;   // kernel messages and files that wrote
};

// Sees the plan before anything is written; an error ends the apply.
using Approve = std::function<Status(const Plan&)>;

// Locks, plans, asks (see Request::asks), executes, verifies, records. What concerns one part of the host
// stops only that. Errors: conflict when one concerns the whole host, or something was to be taken over;
// guard, locked, stale, unreachable, kernel, verify, interrupted (see World::stop).
Result<Applied> apply(const Request& request, World& world, const Approve& approve, const Progress& progress);

}  // namespace ovl
