// ovl plan: what would change, and nothing else.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "cmd/base/exit.hpp"
#include "cmd/session/context.hpp"
#include "cmd/session/looked_at.hpp"
#include "cmd/session/plan_output.hpp"
#include "cmd/session/tell.hpp"
#include "cmd/verbs/verbs.hpp"
#include "reconcile/run/closing.hpp"

namespace ovl {

namespace {

struct Seen {
  Context context;
  Planned planned;
  bool whole = true;  // false: this host could not be looked at
};

Result<Seen> look(const GlobalOptions& global, const PlanOptions& options, ManifestFindings& manifest) {
  OVL_TRY(Context context,
          Context::open(global, options,
                        {.manifest = options.scope != "host" && !options.destroy,
                         .source = true,
                         .policy = true,
                         .findings = format_of(options) == Format::text ? nullptr : &manifest}));
  OVL_TRY(Planned planned, make_plan(context.request(), context.world()));
  return Seen{.context = std::move(context), .planned = std::move(planned)};
}

// Without privileges the cluster is planned all the same, and what is not known is said.
Result<Seen> look_as_far_as_allowed(const GlobalOptions& global, const PlanOptions& options,
                                    ManifestFindings& manifest) {
  auto all = look(global, options, manifest);
  // Only of a plan of everything: who said --scope host wants to know of this host, and half an answer is
  // none.
  if (all.ok() || all.error().code != Errc::privilege || options.scope != "all") return all;
  PlanOptions cluster = options;
  cluster.scope = "cluster";
  OVL_TRY(Seen part, look(global, cluster, manifest));
  part.whole = false;
  // So that the last words don't say that nothing is to be done where nobody has looked.
  part.planned.plan.undone.host_not_looked_at = true;
  part.planned.plan.warnings.push_back(
      Finding{.code = Errc::privilege,
              .id = "host-not-known",
              .subject = "this host",
              .message = fmt::format("not known: needs root ({})", all.error().message),
              .hint = "plan as root to see what changes on it; --scope cluster leaves it out"});
  return part;
}

// Which conflicts make a plan a refusal. A push is planned on the hub, which may be a host itself. What is in
// the way there is that machine's affair: its part is left as it is, and nobody's push is refused for a
// stranger's device.
using IsRefusal = bool (*)(const Finding&);

bool is_any(const Finding&) {
  return true;
}

bool is_guard_of_all(const Finding& conflict) {
  return conflict.code == Errc::guard && conflict.part.empty();
}

int code_of(const Seen& look, const PlanOptions& options, IsRefusal is_refusal) {
  const Plan& plan = look.planned.plan;
  if (!plan.refused.empty() || std::ranges::any_of(plan.conflicts, is_refusal)) return kExitRefused;
  if (!options.detailed_exitcode) return kExitDone;
  // The same function that makes the last words, so that exit code and words can't contradict each other.
  if (!closing(closing_facts(plan)).is_settled) return kExitChanges;
  // Without --detailed-exitcode a plan of the cluster alone is a success, as CI plans without root. Who asks
  // for details must not take "not looked at" for "nothing to do".
  return look.whole ? kExitDone : kExitPrivilege;
}

// Of what can't be planned, for programs; people are told on stderr. An empty report of a format for CI would
// be taken for one without findings.
void tell_failure(const PlanOptions& options, ManifestFindings manifest, const Diagnostics& problems,
                  const std::optional<Error>& error) {
  const Format format = format_of(options);
  if (format == Format::text) return;
  // What only resolving finds is shown with what parsing has found: a service marks all lines at once.
  manifest.diagnostics.insert(manifest.diagnostics.end(), problems.begin(), problems.end());
  Report report = report_of("plan", options, manifest);
  report.error = error;
  std::cout << told(report, format);
}

void tell_plan(const Plan& plan, const GlobalOptions& global, const PlanOptions& options,
               const ManifestFindings& manifest) {
  const Format format = format_of(options);
  if (format == Format::text) return print_plan(plan, global, options);
  std::cout << told(report_of("plan", options, manifest, plan), format);
}

Result<int> plan(const GlobalOptions& global, const PlanOptions& options, IsRefusal is_refusal,
                 ManifestFindings& manifest) {
  OVL_TRY(const Seen seen, look_as_far_as_allowed(global, options, manifest));
  const Planned& planned = seen.planned;
  if (global.verbose > 0) std::cerr << looked_at_text(seen.context, planned);
  if (print_problems(planned, seen.context.sources())) {
    tell_failure(options, manifest, planned.draft.problems, std::nullopt);
    return kExitManifest;
  }
  // An apply of it would compare this host's part with nothing, and do what nobody has seen.
  if (!options.out.empty() && !seen.whole) {
    return Error{.code = Errc::privilege,
                 .message = "a plan of which this host's part is not known is not saved",
                 .hint = "plan as root, or with --scope cluster"};
  }
  // Files first: stdout may be a pager, and what is saved is not to wait for its reader.
  OVL_CHECK(write_json(planned.plan, options));
  if (!options.out.empty()) OVL_CHECK(save_plan(seen.context, planned, options));
  tell_plan(planned.plan, global, options, manifest);
  return code_of(seen, options, is_refusal);
}

int plan_verb(const GlobalOptions& global, const PlanOptions& options, IsRefusal is_refusal) {
  ManifestFindings manifest;
  auto code = plan(global, options, is_refusal, manifest);
  if (code.ok()) return code.value();
  tell_failure(options, manifest, {}, code.error());
  return report_error(code.error());
}

}  // namespace

int run_plan(const GlobalOptions& global, const PlanOptions& options) {
  return plan_verb(global, options, is_any);
}

int run_plan_of_push(const GlobalOptions& global, const PlanOptions& options) {
  return plan_verb(global, options, is_guard_of_all);
}

}  // namespace ovl
