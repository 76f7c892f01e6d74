// ovl state recover: what a killed apply has left open, settled by looking. Changes nothing in the kernel.
#include <fmt/format.h>

#include <iostream>

#include "cmd/base/exit.hpp"
#include "cmd/base/style.hpp"
#include "cmd/verbs/state_verbs.hpp"
#include "reconcile/host/recover.hpp"
#include "reconcile/host/wish.hpp"
#include "reconcile/run/closing.hpp"
#include "reconcile/run/plan.hpp"

namespace ovl {

namespace {

// Where the next apply goes, and by what that is known.
struct Course {
  Plan plan;
  std::string doubt;  // why it is no more than what was last recorded; empty: the store says so
};

// Whatever other programs have here, and whose namespaces they are: what was begun is looked for.
Result<Plan> plan_towards(Context& context, const HostName& host, const HostObjects& desired, bool destroy) {
  Task task;
  task.cluster = context.request().cluster;
  task.host = host;
  // The host's list of namespaces decides what may be taken, and nothing is taken here.
  task.own_words = true;
  Wish wish{.objects = desired, .look = destroy ? Look::everywhere : Look::as_remembered};
  OVL_TRY(Plan plan, plan_for(task, context.world(), std::move(wish)));
  plan.destroy = destroy;
  for (ObjectChange& change : plan.object_changes) change.drift = !destroy;  // of what was recorded here
  return plan;
}

// Without the store: a machine that crashed may come up before it. Where it answers, ask_store() has a
// context of its own.
constexpr Context::Needs kHostAlone{
    .manifest = false, .identity = false, .keystore = false, .state = true, .writable = true};

Result<Plan> ask_store(const GlobalOptions& global, const PlanOptions& options) {
  PlanOptions here = options;
  here.scope = "host";
  OVL_TRY(Context context, Context::open(global, here, {.manifest = false}));
  OVL_TRY(Planned planned, make_plan(context.request(), context.world()));
  // make_plan() stands in for a store that is away with the last good records. Here that would pass for the
  // store's word, and the doubt would not be told.
  if (planned.cluster.away) {
    return Error{.code = Errc::unreachable, .message = planned.plan.warnings.front().message};
  }
  return std::move(planned.plan);
}

Result<Course> course_of(const GlobalOptions& global, const PlanOptions& options, Context& context) {
  auto stored = ask_store(global, options);
  if (stored.ok()) return Course{.plan = std::move(stored).value(), .doubt = {}};
  auto recorded = recorded_here(context);
  // Not even one apply was finished here: only the store knows where this one went.
  if (!recorded.ok() || recorded.value().lineage.empty()) return std::move(stored).error();
  OVL_TRY(Plan plan, plan_towards(context, recorded.value().host, recorded.value().objects, false));
  return Course{.plan = std::move(plan), .doubt = stored.error().message};
}

Value step_json(const SettledStep& step) {
  Value out = Value::object();
  out.set("id", step.entry.id);
  out.set("apply_id", step.entry.apply_id);
  out.set("what", step.entry.what);
  out.set("operations", static_cast<std::int64_t>(step.entry.operations));
  out.set("outcome", Value(name_of(step.outcome)));
  out.set("left", static_cast<std::int64_t>(step.left));
  return out;
}

Value json_of(const std::vector<SettledStep>& steps, const Course& course, const std::string& backup) {
  Value items = Value::array();
  for (const SettledStep& step : steps) items.push(step_json(step));
  Value out = Value::object();
  out.set("format_version", "1.0");
  out.set("steps", std::move(items));
  // In the words in which the next plan will end.
  out.set("next", closing(closing_facts(course.plan)).words);
  out.set("doubt", course.doubt);
  out.set("backup", backup);
  return out;
}

std::string text_of(const std::vector<SettledStep>& steps, const Course& course, const std::string& backup) {
  std::string out = steps.empty() ? "No apply was cut short here.\n" : "";
  for (const SettledStep& step : steps) {
    out += fmt::format("Apply {:.12} was cut short: {} ({} operations): {}\n", step.entry.apply_id,
                       step.entry.what, step.entry.operations, step.text());
  }
  if (!course.doubt.empty()) {
    out += fmt::format("Compared with what was last recorded, as the keystore could not be asked: {}\n",
                       printable(course.doubt));
  }
  out += "The next apply on this host: " + printable(closing(closing_facts(course.plan)).words) + "\n";
  if (!backup.empty()) out += fmt::format("The state as it was before the last apply: {}\n", backup);
  return out;
}

Result<int> recover(const GlobalOptions& global, const PlanOptions& options) {
  OVL_TRY(Context context, Context::open(global, options, kHostAlone));
  // An apply that runs has open steps too, and they are not cut short.
  const auto lock = context.lock_host();
  if (!lock.ok()) return lock.error();
  State& state = *context.world().state;
  state.doubt();  // what was begun may be where nobody knows of: this looks everywhere, and so does the next
                  // apply
  OVL_TRY(const std::vector<JournalEntry> open, state.dangling());
  OVL_TRY(const Course course, course_of(global, options, context));
  // A destroy that was cut short went towards nothing, whatever the records say: its steps are measured by
  // what is still there.
  OVL_TRY(const Plan emptied, plan_towards(context, course.plan.host, {}, true));
  std::vector<SettledStep> steps;
  for (const JournalEntry& entry : open) {
    steps.push_back(settle(entry, is_of_destroy(entry) ? emptied : course.plan));
    // Ended one by one: killed in between, what is settled stays settled, and the rest is found again.
    OVL_CHECK(end_settled(state, steps.back()));
  }
  const std::string backup = state.backup();
  std::cout << (options.json ? json_of(steps, course, backup).pretty_json() + "\n"
                             : text_of(steps, course, backup));
  return kExitDone;
}

}  // namespace

int run_state_recover(const GlobalOptions& global, const PlanOptions& options) {
  const auto code = recover(global, options);
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace ovl
