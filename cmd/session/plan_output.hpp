// How plan, apply, destroy and show print, save and read plans.
#pragma once

#include <optional>
#include <string>

#include "cmd/base/options.hpp"
#include "cmd/formats/decode_plan.hpp"
#include "cmd/session/context.hpp"
#include "reconcile/run/apply.hpp"

namespace ovl {

// Prints what only resolving can find. True when there was something.
bool print_problems(const Planned& planned, const Sources& sources);

// The plan on stdout: text, or JSON with --json.
void print_plan(const Plan& plan, const GlobalOptions& global, const PlanOptions& options,
                const std::string& last_words = {});

// What print_plan() prints as text.
std::string text_of_plan(const Plan& plan, const GlobalOptions& global, const PlanOptions& options,
                         const std::string& last_words = {});

// Writes the plan's JSON into the file that --json-into names, if any. Errors: io.
Status write_json(const Plan& plan, const PlanOptions& options, const std::string& last_words = {});

// A plan on disk: the manifest it was made from, what it was computed from as fingerprints, and what it
// says. No secrets: a manifest holds only references.
struct SavedPlan {
  PlanOptions options;
  GivenManifest manifest;
  std::string boot;  // boot id; empty in cluster scope
  Value store;       // lineage, serial and the records' revisions
  Value json;        // the plan, for naming what moved
  Value changed;     // changed_fields() of the plan
  DecodedPlan shown;
};

// Errors: io.
Status save_plan(const Context& context, const Planned& planned, const PlanOptions& options);
// Whatever is in the file is in the plan that is answered, or it is refused. Errors: as read_plan_file().
Result<SavedPlan> load_plan(const std::string& path);

// Whether a path holds a saved plan.
bool is_saved_plan(const std::string& path);

// Compares a saved plan with one made from it now: all that it shows. Errors: stale, naming what moved.
Status check_fresh(const SavedPlan& saved, const Planned& planned);

// What a person was shown before anything was locked, against what is found under the locks.
class SeenPlan {
 public:
  // The first is kept, each further one is compared with it. Errors: stale, naming what moved.
  Status look(const Planned& planned);

  // The same of a plan that the keystore has no part in.
  Status look(const Plan& plan) { return look(plan, Value::object()); }

 private:
  struct Seen {
    Value store, json, changed;
  };

  Status look(const Plan& plan, const Value& store);

  std::optional<Seen> seen_;
};

}  // namespace ovl
