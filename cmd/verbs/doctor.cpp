// ovl doctor: what keeps the overlays of this host from working, each with a remedy.
#include "reconcile/health/doctor.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <iostream>

#include "cmd/base/exit.hpp"
#include "cmd/base/output_format.hpp"
#include "cmd/base/style.hpp"
#include "cmd/session/context.hpp"
#include "cmd/session/loss.hpp"
#include "cmd/session/suspension.hpp"
#include "cmd/verbs/verbs.hpp"
#include "reconcile/health/dropped.hpp"
#include "reconcile/words/counted.hpp"

namespace ovl {

namespace {

std::string_view name_of_level(Symptom::Level level) {
  switch (level) {
    case Symptom::Level::good: return "ok";
    case Symptom::Level::note: return "note";
    case Symptom::Level::problem: return "problem";
  }
  return "";
}

// All checks, also those that are well: a program sees that they were made.
Value symptoms_json(const std::vector<Symptom>& symptoms) {
  Value checks = Value::array();
  for (const Symptom& symptom : symptoms) {
    Value item = Value::object();
    item.set("level", name_of_level(symptom.level));
    item.set("check", symptom.check);
    item.set("text", symptom.text);
    item.set("remedy", symptom.remedy);
    checks.push(std::move(item));
  }
  Value out = Value::object();
  out.set("format_version", kOutputFormat);
  out.set("checks", std::move(checks));
  return out;
}

std::string symptoms_text(const std::vector<Symptom>& symptoms, const Style& style) {
  std::string out;
  for (const Symptom& symptom : symptoms) {
    const std::string_view level = name_of_level(symptom.level);
    const std::string mark = symptom.level == Symptom::Level::good      ? style.green(level)
                             : symptom.level == Symptom::Level::problem ? style.red(level)
                                                                        : style.yellow(level);
    // Escape sequences of the colour count as characters of the width and take none on the screen.
    out += fmt::format("{:<{}} {}: {}\n", mark, 8 + mark.size() - level.size(), printable(symptom.check),
                       printable(symptom.text));
    if (!symptom.remedy.empty()) out += fmt::format("         remedy: {}\n", printable(symptom.remedy));
  }
  return out;
}

// What the filters here have dropped. Where this host can't be looked at, nothing is said of it. They are no
// problem of their own: a filter that drops a stranger's packets does what it is for. Where there is
// something to look at, it is a note.
void add_drops(const Plan& plan, std::vector<Symptom>& symptoms) {
  for (const Dropped& item : dropped_by(plan.observed, plan.cluster)) {
    if (item.packets == 0) continue;
    const std::string_view remedy = remedy_of_drop(item.reason);
    symptoms.push_back(
        {.level = remedy.empty() ? Symptom::Level::good : Symptom::Level::note,
         .check = "dropped " + item.reason,
         .text = fmt::format("{}: {}", counted(item.packets, "packet"), meaning_of_drop(item.reason)),
         .remedy = std::string(remedy)});
  }
}

// Nothing else that doctor looks at tells it: the host is up to date until the next change that it does not
// follow.
void add_suspension(const GlobalOptions& global, std::vector<Symptom>& symptoms) {
  const auto suspended = read_suspension(global.state_directory);
  if (!suspended) return;
  symptoms.push_back({.level = Symptom::Level::note,
                      .check = "suspended",
                      .text = "nothing is applied here by itself: " + suspended->words(),
                      .remedy = "ovl resume"});
}

// A loss is nothing that a look at the store alone could find. A store that can't be read is examined as one;
// here it would only be told twice.
std::string find_loss(const GlobalOptions& global, const PlanOptions& options, Context& context) {
  if (context.world().keystore == nullptr) return {};
  const auto view = read_store(*context.world().keystore, StoreLayout(context.request().cluster));
  return view.ok() ? loss_of(global, options, context, view.value()) : std::string();  // told as what it says
}

Result<Context> open_context(const GlobalOptions& global, const PlanOptions& options) {
  const Context::Needs needs{.manifest = false, .optional_identity = true};
  // Identity is optional: also a machine that is none of the hosts may want to know why the store does not
  // answer.
  auto context = Context::open(global, options, needs);
  if (context.ok() || context.error().code != Errc::unreachable) return context;
  // A host that remembers what it realised is examined without its store.
  PlanOptions here = options;
  here.scope = "host";
  // The first error is the answer where neither way leads anywhere: it is of what was asked for.
  auto alone = Context::open(global, here, needs);
  return alone.ok() ? std::move(alone) : std::move(context);
}

Result<Planned> plan_in(const GlobalOptions& global, PlanOptions options, const char* scope) {
  options.scope = scope;
  // A context of its own, with all that a plan has: a policy or a repository that can't be read ends the
  // plan, and must not end the examination.
  OVL_TRY(Context context,
          Context::open(global, options, {.manifest = false, .source = true, .policy = true}));
  return make_plan(context.request(), context.world());
}

// What `ovl plan` says here; without a manifest, without the store, or where the manifest is refused, what
// concerns this host.
Result<Planned> plan_here(const GlobalOptions& global, const PlanOptions& options, bool has_manifest,
                          std::optional<Error>& refused) {
  auto planned = plan_in(global, options, has_manifest ? "all" : "host");
  if (!has_manifest || planned.ok()) return planned;
  auto alone = plan_in(global, options, "host");
  if (!alone.ok()) return planned;
  // A store that does not answer is a symptom by itself, and the manifest's refusal would be blamed for it.
  if (planned.error().code != Errc::unreachable) refused = planned.error();
  return alone;
}

Result<int> doctor(const GlobalOptions& global, const PlanOptions& options) {
  OVL_TRY(Context context, open_context(global, options));
  Patient patient{.store = context.world().keystore,
                  .cluster = context.request().cluster,
                  .host = context.request().host,
                  .kernel = context.world().kernel,
                  .state = context.world().state,
                  .unplanned = context.world().why_away,
                  .loss = find_loss(global, options, context),
                  .now = std::time(nullptr)};
  std::optional<Planned> planned;
  if (!patient.host.empty()) {
    auto found = plan_here(global, options, context.manifest() != nullptr, patient.refused);
    if (found.ok()) {
      planned = std::move(found).value();
      patient.planned = &*planned;
    } else if (patient.store != nullptr) {
      patient.unplanned = found.error();
    }
  }
  auto symptoms = examine(patient);
  add_suspension(global, symptoms);
  if (planned) add_drops(planned->plan, symptoms);
  if (options.json) {
    std::cout << symptoms_json(symptoms).pretty_json() << "\n";
  } else {
    std::cout << symptoms_text(symptoms, Style(!global.no_color && wants_colour(STDOUT_FILENO)));
  }
  // Notes leave the exit code alone: a probe that runs every minute must not fail for a suspension that
  // somebody wanted.
  const bool ill = std::ranges::any_of(
      symptoms, [](const Symptom& symptom) { return symptom.level == Symptom::Level::problem; });
  return ill ? kExitError : kExitDone;
}

}  // namespace

int run_doctor(const GlobalOptions& global, const PlanOptions& options) {
  auto code = doctor(global, options);
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace ovl
