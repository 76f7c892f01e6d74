// ovl diff REV REV: what a merge would change.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <iostream>

#include "cmd/base/exit.hpp"
#include "cmd/base/style.hpp"
#include "cmd/session/context.hpp"
#include "cmd/session/plan_output.hpp"
#include "cmd/session/tell.hpp"
#include "cmd/trust/policy_file.hpp"
#include "cmd/verbs/verbs.hpp"
#include "reconcile/manifest/diagnostic_text.hpp"
#include "reconcile/manifest/parse.hpp"
#include "reconcile/run/compare_manifests.hpp"
#include "reconcile/store/revision.hpp"

namespace ovl {

namespace {

struct Side {
  RevisionManifest revision;
  Manifest manifest;
};

Result<Side> read_side(GitRepository& repository, const std::string& ref, const PlanOptions& options) {
  // Where the user stands in the repository: PATH counts from there, as in the other verbs.
  OVL_TRY(const std::string beside, repository.path_of(options.repo));
  Side side;
  OVL_TRY(side.revision, read_revision(repository, ref, options.path, beside));
  Parsed parsed = parse(side.revision.files);
  // Also of the side that is compared with: else nobody could tell why a value of it is missing.
  std::cerr << render_all(parsed.diagnostics, side.revision.files, wants_colour(STDERR_FILENO));
  const auto is_error = [](const Diagnostic& d) { return d.severity == Severity::error; };
  if (std::ranges::any_of(parsed.diagnostics, is_error)) {
    return Error{.code = Errc::manifest,
                 .message = fmt::format("the manifest at {} is invalid", printable(ref))};
  }
  side.manifest = std::move(parsed.manifest);
  return side;
}

// Only when somebody names a keystore: without one the answer is the same everywhere. Also the address in the
// manifest is not asked: either revision may be a stranger's branch, and where it connects is not its word
// (see cmd/trust/keystore_word.hpp).
Result<StoreView> read_named_store(const PlanOptions& options, const Label& cluster) {
  if (options.keystore.url.empty()) return StoreView();
  OVL_TRY(KeystoreOptions store, keystore_options(options.keystore));
  OVL_TRY(store.timeout, parse_duration("--timeout", options.timeout));
  OVL_TRY(const auto keystore, open_keystore(store));
  return read_store(*keystore, StoreLayout(cluster));
}

// As a plan of that revision would have it, so that the two are told alike.
Origin origin_of_side(const Side& side) {
  const Commit& commit = side.revision.commit;
  return Origin{.source = source_of(commit, side.revision.path),
                .commit = commit.id,
                .author = commit.author,
                .path = side.revision.path,
                .digest = side.manifest.digest};
}

Result<Planned> compare_sides(const Side& before, const Side& after, const PlanOptions& options) {
  OVL_TRY(StoreView view, read_named_store(options, after.manifest.cluster.value));
  Task task;
  task.cluster = after.manifest.cluster.value;
  task.manifest = &after.manifest;
  task.origin = origin_of_side(after);
  // A diff applies neither side. Without a signer each change would be refused by a policy that asks for
  // signatures, and the answer to "what would this merge change" would be that one refusal.
  task.signer = "not asked";
  if (!options.host.empty()) {
    OVL_TRY(task.host, HostName::parse(options.host));
  }
  if (!options.max_destroy.empty()) {
    OVL_TRY(task.max_destroy, DestroyLimit::parse(options.max_destroy));
  }
  // What the host's policy would refuse is part of what a merge would do.
  OVL_TRY(task.host_policy, read_host_policy(options.policy));
  return compare_manifests(before.manifest, task, std::move(view), std::time(nullptr));
}

void tell_diff(const Plan& plan, const Side& after, const GlobalOptions& global, const PlanOptions& options) {
  const Format format = format_of(options);
  // Nobody has looked at the cluster.
  const std::string same = plan.empty() ? "No changes. Both say the same." : "";
  // The other formats point into files, so they need the side that the findings are of.
  if (format == Format::text || format == Format::json) return print_plan(plan, global, options, same);
  const ManifestFindings manifest{after.revision.files, after.manifest, {}, true};
  Report report = report_of("diff", options, manifest, plan);
  report.last_words = same;
  std::cout << told(report, format);
}

Result<int> diff(const GlobalOptions& global, const PlanOptions& options,
                 const std::vector<std::string>& refs) {
  OVL_TRY(const auto repository, repository_of(options));
  // Both from the object database: files that lie here are of no revision, and are not looked at.
  OVL_TRY(const Side before, read_side(*repository, refs.front(), options));
  OVL_TRY(const Side after, read_side(*repository, refs.back(), options));
  OVL_TRY(Planned planned, compare_sides(before, after, options));
  planned.plan.environment = options.environment;
  if (print_problems(planned, after.revision.files)) return kExitManifest;
  tell_diff(planned.plan, after, global, options);
  OVL_CHECK(write_json(planned.plan, options));
  // Before the exit code of changes: a pipeline that only tells 2 from 0 would let it pass.
  if (!planned.plan.refused.empty()) return kExitRefused;
  return options.detailed_exitcode && !planned.plan.empty() ? kExitChanges : kExitDone;
}

}  // namespace

int run_diff(const GlobalOptions& global, const PlanOptions& options, const std::vector<std::string>& refs) {
  const auto code = diff(global, options, refs);
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace ovl
