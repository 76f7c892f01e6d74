// ovl state rm and import: letting go of what is ours, and taking over what is not.
#include <fmt/format.h>

#include <iostream>

#include "cmd/base/ask.hpp"
#include "cmd/base/exit.hpp"
#include "cmd/base/interrupt.hpp"
#include "cmd/session/plan_output.hpp"
#include "cmd/verbs/state_verbs.hpp"
#include "reconcile/host/let_go.hpp"
#include "reconcile/words/counted.hpp"

namespace ovl {

namespace {

Result<std::vector<ChangeName>> parse_all(const std::vector<std::string>& addresses) {
  std::vector<ChangeName> out;
  for (const std::string& address : addresses) {
    OVL_TRY(ChangeName name, ChangeName::parse(address));
    out.push_back(std::move(name));
  }
  return out;
}

Status show_and_ask(const Plan& plan, const GlobalOptions& global, const PlanOptions& options) {
  print_plan(plan, global, options);
  return options.auto_approve ? Status() : ask_for_consent();
}

// How all of it comes back. A namespace comes back under its own address only. Printed before somebody needs
// it: what was let go carries no mark any more, so nobody finds it later.
std::string import_command(const std::vector<ChangeName>& asked, const Plan& plan) {
  std::string out = "ovl state import";
  // In quotes, as it is to be pasted into a shell.
  for (const ChangeName& name : asked) out += fmt::format(" '{}'", name.address());
  for (const ObjectChange& change : plan.object_changes) {
    const ChangeName name = name_of(plan, change);
    // A network's sandbox comes back with the network, and an endpoint's namespace does not with the
    // endpoint.
    const bool sandbox = name.name.starts_with(kSandboxPrefix);
    if (name.type == Netns::kind && !sandbox) out += " " + name.address();
  }
  return out;
}

Result<int> remove(const GlobalOptions& global, const PlanOptions& options,
                   const std::vector<std::string>& addresses) {
  OVL_TRY(const std::vector<ChangeName> asked, parse_all(addresses));
  // Without the store: letting go is about what this host has, and has to work where the store is gone for
  // good.
  const Context::Needs needs{
      .manifest = false, .identity = false, .keystore = false, .state = true, .writable = true};
  OVL_TRY(Context context, Context::open(global, options, needs));
  World& world = context.world();
  SeenPlan seen;
  // Nothing is locked while a person thinks.
  if (!options.auto_approve) {
    OVL_TRY(const Recorded recorded, recorded_here(context));
    OVL_TRY(const Plan plan, plan_letting_go(recorded, asked, *world.kernel, *world.state));
    OVL_CHECK(seen.look(plan));
    OVL_CHECK(show_and_ask(plan, global, options));
  }
  std::optional<HostLock> lock;
  OVL_CHECK(context.lock_host_for(lock));
  OVL_TRY(const Recorded recorded, recorded_here(context));
  OVL_TRY(const Plan plan, plan_letting_go(recorded, asked, *world.kernel, *world.state));
  // Planned again under the lock. Who was asked has seen the plan from before it, and the two have to be the
  // same.
  OVL_CHECK(options.auto_approve ? show_and_ask(plan, global, options) : seen.look(plan));
  OVL_CHECK(let_go(plan, recorded, asked, *world.kernel, *world.state));
  if (options.json) return kExitDone;
  std::cout << fmt::format(
      "Let go: {}. {} not ovl's any more.\n", counted(plan.object_changes.size(), "object"),
      plan.object_changes.size() == 1 ? "It stays as it is and is" : "They stay as they are and are");
  std::cout << "While the records declare them, plans say conflict. To take them over again:\n  "
            << import_command(asked, plan) << "\n";
  return kExitDone;
}

Result<int> import(const GlobalOptions& global, const PlanOptions& given,
                   const std::vector<std::string>& addresses) {
  PlanOptions options = given;
  // Taking over changes nothing in the records: what is taken over is what they declare already.
  options.scope = "host";
  listen_for_interrupts();
  OVL_TRY(Context context, Context::open(global, options, {.manifest = false, .writable = true}));
  Request request = context.request();
  // With this a conflict ends the apply instead of freezing its part: who takes something over has asked for
  // just that.
  request.adopt = addresses;
  request.asks = !options.auto_approve;
  std::optional<HostLock> lock;
  request.lock_host = [&] { return context.lock_host_for(lock); };
  SeenPlan seen;
  request.check = [&](const Planned& planned) { return request.asks ? seen.look(planned) : Status(); };
  const auto approve = [&](const Plan& plan) { return show_and_ask(plan, global, options); };
  OVL_TRY(const Applied applied, apply(request, context.world(), approve, Progress{}));
  const PlanCounts counts = count(applied.planned.plan);
  // apply() asks nobody about an empty plan, so it has been shown to nobody.
  if (applied.planned.plan.empty()) print_plan(applied.planned.plan, global, options);
  if (!options.json && counts.adopt > 0)
    std::cout << fmt::format("Taken over: {}.\n", counted(counts.adopt, "object"));
  return kExitDone;
}

}  // namespace

int run_state_rm(const GlobalOptions& global, const PlanOptions& options,
                 const std::vector<std::string>& addresses) {
  const auto code = remove(global, options, addresses);
  return code.ok() ? code.value() : report_error(code.error());
}

int run_state_import(const GlobalOptions& global, const PlanOptions& options,
                     const std::vector<std::string>& addresses) {
  const auto code = import(global, options, addresses);
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace ovl
