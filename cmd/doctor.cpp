// ovl doctor: what keeps the overlays of this host from working, each with a remedy.
#include "reconcile/doctor.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <iostream>

#include "cmd/context.hpp"
#include "cmd/exit.hpp"
#include "cmd/here.hpp"
#include "cmd/loss.hpp"
#include "cmd/output_format.hpp"
#include "cmd/style.hpp"
#include "cmd/verbs.hpp"
#include "reconcile/dropped.hpp"

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
    out += fmt::format("{:<{}} {}: {}\n", mark, 8 + mark.size() - level.size(), printable(symptom.check),
                       printable(symptom.text));
    if (!symptom.remedy.empty()) out += fmt::format("         remedy: {}\n", printable(symptom.remedy));
  }
  return out;
}

// What the filters here have dropped. Where this host can't be looked at, nothing is said of it.
void add_drops(const LookHere& here, std::vector<Symptom>& symptoms) {
  for (const Dropped& item : dropped_by(here.plan.observed, here.plan.cluster)) {
    if (item.packets == 0) continue;
    const std::string_view remedy = remedy_of_drop(item.reason);
    symptoms.push_back({.level = remedy.empty() ? Symptom::Level::good : Symptom::Level::note,
                        .check = "dropped " + item.reason,
                        .text = fmt::format("{} packets: {}", item.packets, meaning_of_drop(item.reason)),
                        .remedy = std::string(remedy)});
  }
}

// Whom endpoints ask for names of the outside.
void add_resolver(const LookHere& here, std::vector<Symptom>& symptoms) {
  for (const Finding& warning : here.plan.warnings) {
    if (warning.id.text() != "no-nameserver") continue;
    symptoms.push_back({.level = Symptom::Level::problem,
                        .check = warning.subject,
                        .text = warning.message,
                        .remedy = warning.hint});
  }
}

// A loss is nothing that a look at the store alone could find.
void add_loss(const GlobalOptions& global, const PlanOptions& options, Context& context,
              std::vector<Symptom>& symptoms) {
  if (context.world().keystore == nullptr) return;
  const auto view = read_store(*context.world().keystore, StoreLayout(context.request().cluster));
  if (!view.ok()) return;  // told as what the store says
  std::string loss = loss_of(global, options, context, view.value());
  if (loss.empty()) return;
  symptoms.push_back({.level = Symptom::Level::problem,
                      .check = "records",
                      .text = std::move(loss),
                      .remedy = "see docs/keystores.md, Restoring"});
}

Result<int> doctor(const GlobalOptions& global, const PlanOptions& options) {
  OVL_TRY(Context context, Context::open(global, options, {.manifest = false, .optional_identity = true}));
  auto symptoms = examine(Patient{.store = context.world().keystore,
                                  .cluster = context.request().cluster,
                                  .host = context.request().host,
                                  .kernel = context.world().kernel,
                                  .state = context.world().state,
                                  .now = std::time(nullptr)});
  add_loss(global, options, context, symptoms);
  if (!context.request().host.empty()) {
    const LookHere here = look_here(global, options);
    add_resolver(here, symptoms);
    add_drops(here, symptoms);
  }
  if (options.json) {
    std::cout << symptoms_json(symptoms).pretty_json() << "\n";
  } else {
    std::cout << symptoms_text(symptoms, Style(!global.no_color && wants_colour(STDOUT_FILENO)));
  }
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
