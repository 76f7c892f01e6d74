#include "reconcile/pipeline.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/abilities.hpp"
#include "reconcile/diff_records.hpp"
#include "reconcile/drift.hpp"
#include "reconcile/execute_objects.hpp"
#include "reconcile/file_store.hpp"
#include "reconcile/freeze.hpp"
#include "reconcile/guards.hpp"
#include "reconcile/held_by_pool.hpp"
#include "reconcile/host_report.hpp"
#include "reconcile/ids.hpp"
#include "reconcile/last_good.hpp"
#include "reconcile/lock_out.hpp"
#include "reconcile/lost_hosts.hpp"
#include "reconcile/made_here.hpp"
#include "reconcile/observe.hpp"
#include "reconcile/obstacles.hpp"
#include "reconcile/older_builds.hpp"
#include "reconcile/partial_tree.hpp"
#include "reconcile/past_records.hpp"
#include "reconcile/policy.hpp"
#include "reconcile/predict.hpp"
#include "reconcile/project.hpp"
#include "reconcile/recall.hpp"
#include "reconcile/record_size.hpp"
#include "reconcile/recorded.hpp"
#include "reconcile/resolve.hpp"
#include "reconcile/switch_over.hpp"
#include "reconcile/undone.hpp"
#include "reconcile/vteps.hpp"

namespace ovl {

namespace {

bool has_cluster(const Request& request) {
  return request.scope != Scope::host;
}

bool has_host(const Request& request) {
  return request.scope != Scope::cluster;
}

bool needs_store(const Request& request) {
  return has_cluster(request) || !request.destroy;
}

// ---- planning, stage by stage --------------------------------------------------------------------

// Refused records are written anew, with the ids, VNIs and addresses of the last good ones where this
// host has those. A host's facts are its own to write: till then the last good ones stand.
void recall_refused(const Request& request, const World& world, Planned& planned) {
  const State* state = world.state != nullptr ? world.state : world.memory;
  if (planned.view.refused.empty() || !planned.view.head || request.destroy || state == nullptr) return;
  if (planned.puts_back || planned.misfit) return;
  StoreView good = planned.view;
  if (!restore_frozen(*state, good).ok()) return;
  planned.known = std::move(good.records);
  planned.view.facts = std::move(good.facts);
}

// told: how many are told of already.
void tell_refused(std::size_t told, Planned& planned) {
  const std::vector<Finding>& refused = planned.view.refused;
  planned.plan.warnings.insert(planned.plan.warnings.end(),
                               refused.begin() + static_cast<std::ptrdiff_t>(told), refused.end());
}

// Without a manifest the last good records stand for what is refused, and each of those is told.
Status stand_on_good(const Request& request, const World& world, Planned& planned) {
  const std::size_t told = planned.view.refused.size();
  OVL_CHECK(keep_pool_apart(*world.state, request.host, planned.view));
  OVL_CHECK(restore_frozen(*world.state, planned.view));
  tell_refused(told, planned);
  return {};
}

// What the manifest calls otherwise is known under its new name from here on.
void rename_known(const Request& request, Planned& planned) {
  std::vector<Move> moves = request.moves;
  if (request.manifest != nullptr) {
    for (Move& move : moves_of(*request.manifest)) moves.push_back(std::move(move));
  }
  move_records(moves, planned.known, planned.view.homeless);
  move_facts(moves, planned.known, planned.view.facts);
  if (request.manifest == nullptr || request.destroy) return;
  for (Finding& finding : blocked_moves(moves, planned.known)) {
    planned.plan.warnings.push_back(std::move(finding));
  }
}

Result<StoreView> look_into_store(const Request& request, const World& world) {
  if (world.keystore == nullptr) return world.why_away;
  OVL_TRY(StoreView view, read_store(*world.keystore, StoreLayout(request.cluster)));
  if (!view.head) OVL_CHECK(world.in_place());
  return view;
}

Result<std::vector<HostName>> lost_now(const World& world, const Planned& planned) {
  if (planned.away) return recall_lost(*world.state);
  return lost_hosts(planned.view);
}

Status read_cluster(const Request& request, World& world, Planned& planned) {
  if (!needs_store(request)) return {};
  auto view = look_into_store(request, world);
  if (!view.ok()) return stand_alone(request, world, view.error(), planned);
  planned.view = std::move(view).value();
  for (const Finding& finding : planned.view.refused) planned.plan.warnings.push_back(finding);
  if (auto unknown = unknown_keys(planned.view)) planned.plan.warnings.push_back(std::move(*unknown));
  OVL_CHECK(recall(request, world, planned));
  OVL_CHECK(check_fit(request, world, planned));
  const bool stands_for_it = planned.puts_back || planned.away;
  // With a manifest the refused records are written anew; without one the last good ones stand.
  if (!has_cluster(request)) return stands_for_it ? Status() : stand_on_good(request, world, planned);
  recall_refused(request, world, planned);
  rename_known(request, planned);
  if (planned.misfit || has_refused_records(planned.view)) keep_claimed(planned.view, planned.known);
  return {};
}

// The records that say who is a host, before anything is resolved.
const Records& known_records(const Planned& planned) {
  return planned.puts_back ? planned.known : planned.view.records;
}

// Those that stand for them are not what the store has.
bool has_refused_facts(const StoreView& view, const HostName& host) {
  return std::ranges::any_of(
      view.refused, [&](const Finding& finding) { return finding.subject == "facts/" + host.text(); });
}

Result<HostFacts> ask_facts(const Request& request, World& world, const Planned& planned) {
  OVL_TRY(const FactsRequest wanted, facts_request(request.host, request.manifest, known_records(planned)));
  return world.kernel->facts(wanted);
}

// A record of this host's own with an address that this machine does not have gives way to the last good one.
Result<HostFacts> own_facts(const Request& request, World& world, Planned& planned) {
  auto facts = ask_facts(request, world, planned);
  const bool follows = !has_cluster(request) && !planned.puts_back && !planned.away;
  if (facts.ok() || facts.error().code != Errc::conflict || !follows) return facts;
  const std::size_t told = planned.view.refused.size();
  OVL_TRY(const bool refused,
          refuse_own_address(*world.state, request.host, facts.error().message, planned.view));
  if (!refused) return facts;
  OVL_CHECK(restore_frozen(*world.state, planned.view));
  tell_refused(told, planned);
  return ask_facts(request, world, planned);
}

// This host's own facts, fresh; overlaid on what the others have published.
Status read_facts(const Request& request, World& world, Planned& planned) {
  if (!has_host(request) || request.destroy) return {};
  const Records& records = known_records(planned);
  if (!is_declared(request.host, request.manifest, records)) return {};
  OVL_TRY(planned.own_facts, own_facts(request, world, planned));
  if (fit_facts(*planned.own_facts)) planned.plan.warnings.push_back(facts_cut(request.host));
  OVL_CHECK(check_host_name(planned.view, *planned.own_facts));
  std::string& version = planned.own_facts->version;
  version = version_saying(version, {Ability::new_words, Ability::shared_aliases});
  const HostFacts* published = planned.view.facts.host(request.host);
  const bool named = planned.view.claims.contains(host_claim(request.host));
  if (published != nullptr && named && !has_refused_facts(planned.view, request.host)) {
    planned.published = *published;
  }
  planned.view.facts.set(*planned.own_facts);
  OVL_TRY(const std::vector<ChangedSysctl> changed, changed_sysctls(*world.state));
  OVL_TRY(planned.switches,
          host_switches(*world.kernel, request.cluster, changed, planned.own_facts->uplinks));
  return {};
}

// That all tunnels of this host send with full TTL, once that is so.
void say_full_ttl(Planned& planned, const HostObjects& observed) {
  if (!planned.own_facts) return;
  std::string& version = planned.own_facts->version;
  version = sends_full_ttl(observed)
                ? version_saying(version, {Ability::full_ttl, Ability::new_words, Ability::shared_aliases})
                : version_saying(version, {Ability::new_words, Ability::shared_aliases});
  planned.view.facts.set(*planned.own_facts);
}

// Beyond all that is known, so that no host takes it for one that it has realised already.
std::int64_t next_serial(const Planned& planned) {
  const std::int64_t there = planned.view.head ? planned.view.head->serial : 0;
  const std::int64_t known = planned.memory.head ? planned.memory.head->serial : planned.remembered.serial;
  return (planned.puts_back ? std::max(there, known) : there) + 1;
}

// What concerns all hosts of a network goes step by step.
void stage(Planned& planned) {
  const StoreView& view = planned.view;
  const auto has_realised = [&](const HostName& host, std::int64_t serial) {
    const auto at = view.status.find(host.text());
    return at != view.status.end() && (at->second.serial >= serial || is_lost(at->second));
  };
  stage_switches(
      SwitchOver{.current = planned.known, .next_serial = next_serial(planned), .has_realised = has_realised},
      planned.desired, planned.plan.waiting);
}

// A host that would take another one's VTEP is refused there. Elsewhere it stays as it was, so that it stops
// nobody else.
void keep_vteps_apart(const Request& request, Planned& planned) {
  const HeldVteps held{.claims = planned.view.claims, .known = planned.known, .facts = planned.view.facts};
  for (Finding& finding : keep_vteps_apart(held, request.host, planned.desired)) {
    const bool here = finding.subject == "host." + request.host.text();
    (here ? planned.plan.refused : planned.plan.warnings).push_back(std::move(finding));
  }
}

// The pool of a host is chosen by that host: what another one chose for it stands until it is looked at here.
Result<Surroundings> surroundings(const Request& request, const World& world, const Planned& planned) {
  Surroundings out;
  for (const KeystoreAddress& store : request.keystores) {
    if (!store.address.empty() && !store.address.is_loopback()) out.stores.push_back(store.address);
  }
  if (!planned.own_facts) return out;
  const ProjectInput input{.cluster = request.cluster,
                           .host = request.host,
                           .records = planned.known,
                           .facts = planned.view.facts,
                           .keystores = request.keystores};
  OVL_TRY(const bool anew, chooses_pool_anew(*world.kernel, input));
  if (anew) out.anew.insert(request.host);
  return out;
}

Status resolve_records(const Request& request, const World& world, Planned& planned) {
  const bool only_moves = !request.moves.empty() && request.manifest == nullptr && !request.refresh_only;
  if (has_cluster(request) ? only_moves : planned.puts_back) {
    planned.desired = planned.known;
  } else if (!has_cluster(request) || request.refresh_only) {
    planned.desired = planned.puts_back ? planned.known : planned.view.records;
  } else if (!request.destroy && request.manifest != nullptr) {
    OVL_TRY(const Surroundings around, surroundings(request, world, planned));
    Resolved resolved = resolve(*request.manifest, planned.known, planned.view.facts, around);
    planned.desired = std::move(resolved.records);
    planned.problems = std::move(resolved.problems);
    planned.plan.waiting = std::move(resolved.waiting);
    keep_vteps_apart(request, planned);
    stage(planned);
  } else if (!request.destroy && request.records != nullptr) {
    planned.desired = wanted_again(*request.records, planned.known);
    keep_vteps_apart(request, planned);
    stage(planned);
  }
  return {};
}

Plan empty_plan(const Request& request) {
  Plan plan;
  plan.scope = request.scope;
  plan.cluster = request.cluster;
  plan.host = request.host;
  plan.origin = request.origin;
  plan.destroy = request.destroy;
  plan.partial = !request.selection.all();
  plan.refresh_only = request.refresh_only;
  plan.environment = request.environment;
  return plan;
}

// What guards, the manifest's policy and the host's do not allow.
std::vector<Finding> refusals(const Request& request, std::int64_t now, const Plan& plan,
                              const Records& desired, const Records& current) {
  std::vector<Finding> refused = refusals_of(plan, current, request.max_destroy);
  // A commit says what there shall be; a destroy or a move is said on the command line.
  const bool says_so = !request.destroy && request.manifest != nullptr && request.moves.empty();
  const PolicyInput input{.plan = plan,
                          .desired = desired,
                          .current = current,
                          .now = now,
                          .signer = says_so ? request.signer : std::string(),
                          .unsigned_because = says_so ? request.unsigned_because : "no commit asks for this"};
  const auto add = [&](const Policy& policy) {
    for (Finding& finding : violations(input, policy)) refused.push_back(std::move(finding));
  };
  if (request.host_policy) add(*request.host_policy);
  if (request.manifest != nullptr && request.manifest->policy) add(*request.manifest->policy);
  return refused;
}

bool is_same(const Finding& a, const Finding& b) {
  return a.id == b.id && a.subject == b.subject && a.message == b.message && a.hint == b.hint;
}

// What the store has lost counts as there, or a loss would be a way past every guard.
void refuse_loss(const Request& request, std::int64_t now, Planned& planned) {
  if (!planned.lost_counts) return;
  // Of what claims alone tell of, no record is known.
  Records there = planned.known;
  std::erase_if(there.networks, [](const NetworkRecord& network) { return network.id.empty(); });
  std::erase_if(there.endpoints, [](const EndpointRecord& endpoint) { return endpoint.id.empty(); });
  Plan whole = empty_plan(request);
  whole.record_changes = diff_records(planned.desired, there);
  std::erase_if(whole.record_changes, [](const RecordChange& change) {
    return change.action != Action::remove && change.reason != Reason::moved;
  });
  std::vector<Finding>& refused = planned.plan.refused;
  for (Finding& finding : refusals(request, now, whole, planned.desired, there)) {
    const auto known = [&](const Finding& other) { return is_same(finding, other); };
    if (std::ranges::none_of(refused, known)) refused.push_back(std::move(finding));
  }
}

// Whether records may change: a host alone only puts back what it remembers.
bool changes_records(const Request& request, const Planned& planned) {
  return (has_cluster(request) || planned.puts_back) && !request.refresh_only;
}

Status diff_cluster(const Request& request, std::int64_t now, Planned& planned) {
  if (!changes_records(request, planned)) return {};
  Plan& plan = planned.plan;
  const std::vector<RecordChange> changes = diff_records(planned.desired, planned.view.records);
  plan.record_changes = select(changes, request.selection);
  if (!request.selection.all()) {
    planned.unselected = std::move(planned.desired);
    planned.desired = with_changes(planned.view.records, planned.unselected, plan.record_changes);
    OVL_CHECK(check_whole(planned.desired));
  }
  for (Finding& finding : refusals(request, now, plan, planned.desired, planned.view.records)) {
    plan.refused.push_back(std::move(finding));
  }
  for (Finding& finding : words_for_older_builds(plan, planned.desired, planned.view.facts, planned.lost)) {
    plan.refused.push_back(std::move(finding));
  }
  refuse_loss(request, now, planned);
  return {};
}

void warn_of_source(const Request& request, Plan& plan) {
  if (!request.dirty || !has_cluster(request)) return;
  plan.warnings.push_back(
      Finding{.code = Errc::conflict,
              .id = "dirty-source",
              .subject = request.origin.source,
              .message = fmt::format("its files are not those of commit {:.12}", request.origin.commit),
              .hint = "commit them, so that others can apply the same"});
}

// Of the apply of a person on one host: agents would say it again and again.
void warn_of_file(const Request& request, Planned& planned) {
  if (request.scope != Scope::all || request.destroy) return;
  auto warning =
      file_for_others(url_of(request.keystore_access), request.host, planned.desired, planned.view.facts);
  if (warning) planned.plan.warnings.push_back(std::move(*warning));
}

Projected project_records(const Request& request, const Planned& planned, const Records& records,
                          const Facts& facts) {
  return project(ProjectInput{.cluster = request.cluster,
                              .host = request.host,
                              .records = records,
                              .facts = facts,
                              .keystores = request.keystores,
                              .opened = planned.switches.opened,
                              .bridge_filters = planned.switches.bridge_filters,
                              .full_ttl = planned.full_ttl.said,
                              .lost = planned.lost,
                              .needs_states = planned.switches.needs_states});
}

// Whose word on full TTL counts: no router stands before them.
Status find_full_ttl(const Request& request, World& world, Planned& planned) {
  FullTtlWord word = full_ttl_word(planned.desired, planned.view.facts, request.host);
  const HostRecord* self = planned.desired.host(request.host);
  if (self == nullptr) return {};
  const auto own = vtep_of(*self, planned.desired, planned.view.facts);
  if (!own) return {};
  for (std::vector<IpAddress>* some : {&word.said, &word.silent}) {
    if (some->empty()) continue;
    OVL_TRY(*some, world.kernel->on_link(*own, *some));
  }
  planned.full_ttl = std::move(word);
  return {};
}

// The records that this host stands at.
Result<Records> realised(const Request& request, const World& world, const Planned& planned) {
  if (has_cluster(request)) return planned.view.records;
  OVL_TRY(Remembered known, remember(*world.state));
  return std::move(known.records);
}

Status select_on_host(const Request& request, const World& world, const Planned& planned, Plan& plan) {
  if (request.selection.all()) return {};
  OVL_TRY(const Records before, realised(request, world, planned));
  const auto projection = [&](const Records& records) {
    return project_records(request, planned, records, planned.view.facts).objects;
  };
  select_objects(plan, request.selection, planned.desired, before, projection);
  return {};
}

bool is_removal(const ObjectChange& change) {
  return change.action == Action::remove;
}

// What this host has, and how it differs from plan.desired, which planned.desired wants. Answers the host's
// filter as it is to be in the end, where the plan leaves that to tighten().
Result<std::optional<NftTable>> compare_host(const Request& request, World& world, const Planned& planned,
                                             Plan& plan) {
  OVL_TRY(std::vector<ChangedSysctl> changed, changed_sysctls(*world.state));
  OVL_TRY(const Adoption adoption, Adoption::of(plan.desired, planned.desired, request.host, request.adopt));
  const Look look = request.destroy ? Look::everywhere : Look::as_remembered;
  OVL_TRY(plan.observed, observe(*world.kernel, *world.state, plan.desired, changed, adoption, look));
  if (recall_opened(plan.observed, plan.cluster, changed)) {
    OVL_TRY(plan.observed, observe(*world.kernel, *world.state, plan.desired, changed, adoption, look));
  }
  heed_router(plan.observed, changed);
  std::optional<NftTable> stricter = put_off_demands(plan.desired, plan.observed, planned.full_ttl.silent);
  OVL_CHECK(discount_marks(plan.observed, *world.state, plan.cluster, request.netns_list));
  if (!request.own_words) OVL_CHECK(refuse_strangers(plan, request.netns_list, adoption, *world.state));
  OVL_CHECK(find_obstacles(*world.kernel, plan));
  diff_objects(plan, changed, request.replaces, adoption);
  // What is remembered may be old: a removal needs the store's word.
  if (planned.away) std::erase_if(plan.object_changes, is_removal);
  OVL_CHECK(select_on_host(request, world, planned, plan));
  return stricter;
}

// Where nothing is known of what was applied last, nothing is called drift.
void tell_drift(const Request& request, const World& world, Planned& planned) {
  Plan& plan = planned.plan;
  if (plan.object_changes.empty() || request.destroy) return;
  const auto known = remember(*world.state);
  if (!known.ok() || known.value().lineage.empty()) return;
  HostObjects applied = project_records(request, planned, known.value().records, known.value().facts).objects;
  static_cast<void>(put_off_demands(applied, plan.observed, planned.full_ttl.silent));
  mark_drift(applied, plan);
}

// What other programs here drop of this cluster's traffic. That endpoints have no way out is a fact for
// others.
Status find_foreign_drops(const Request& request, World& world, Planned& planned) {
  if (!planned.own_facts) return {};
  OVL_TRY(const std::vector<NftTable> others, world.kernel->filters_of_others());
  planned.foreign_drops =
      foreign_drops(others, {.name = request.host, .records = planned.desired, .facts = planned.view.facts});
  std::vector<std::string>& forward_drops = planned.own_facts->forward_drops;
  forward_drops.clear();
  for (const ForeignDrop& drop : planned.foreign_drops) {
    if (drop.traffic == Traffic::way_out) forward_drops.push_back(drop.chain);
    if (drop.sure) planned.plan.warnings.push_back(finding_of(drop));
  }
  static_cast<void>(fit_facts(*planned.own_facts));  // what else was cut is told already
  planned.view.facts.set(*planned.own_facts);
  return {};
}

Status diff_host(const Request& request, World& world, Planned& planned) {
  if (!has_host(request)) return {};
  Plan& plan = planned.plan;
  if (!request.destroy || plan.partial) {
    OVL_CHECK(find_full_ttl(request, world, planned));
    Projected projected = project_records(request, planned, planned.desired, planned.view.facts);
    plan.desired = std::move(projected.objects);
    plan.conflicts = std::move(projected.problems);
    OVL_CHECK(leave_gateway(*world.state, request.host, planned.desired, plan.conflicts));
    for (Finding& finding : projected.warnings) plan.warnings.push_back(std::move(finding));
    for (std::string& line : projected.waiting) plan.waiting.push_back(std::move(line));
    OVL_CHECK(find_foreign_drops(request, world, planned));
  }
  OVL_TRY(planned.stricter, compare_host(request, world, planned, plan));
  say_full_ttl(planned, plan.observed);
  if (!request.refresh_only) tell_drift(request, world, planned);
  if (request.refresh_only) plan.drift = std::exchange(plan.object_changes, {});
  return {};
}

Result<Planned> plan_stages(const Request& request, World& world) {
  Planned planned;
  planned.plan = empty_plan(request);
  warn_of_source(request, planned.plan);
  OVL_CHECK(read_cluster(request, world, planned));
  OVL_TRY(planned.descent, find_descent(request, planned));
  OVL_TRY(planned.lost, lost_now(world, planned));
  OVL_CHECK(check_guards(request, planned));
  OVL_CHECK(read_facts(request, world, planned));
  OVL_CHECK(resolve_records(request, world, planned));
  if (!planned.problems.empty()) return planned;
  warn_of_file(request, planned);
  OVL_CHECK(diff_cluster(request, world.now, planned));
  OVL_CHECK(check_nothing_undone(request, planned));
  planned.takes_source = takes_source(request, planned);
  planned.plan.former_source = former_source(request, planned);
  OVL_CHECK(diff_host(request, world, planned));
  planned.plan.interruptions = predict(planned.plan, planned.desired);
  planned.plan.undone = undone_of(request, planned);
  return planned;
}

// Whoever asks for a part has to name it right.
Status check_names(const Request& request, const Planned& planned) {
  if (!planned.problems.empty()) return {};
  for (const auto* names : {&request.selection.targets, &request.selection.excludes, &request.replaces}) {
    OVL_CHECK(
        check_known(*names, planned.plan, {&planned.desired, &planned.unselected, &planned.view.records}));
  }
  return {};
}

// ---- applying --------------------------------------------------------------------------------------

Head next_head(const Request& request, const Planned& planned, const std::string& apply_id) {
  const Memory& known = planned.memory;
  Head head = planned.view.head.value_or(Head{.lineage = random_id()});
  if (planned.puts_back) {
    if (known.head) head = *known.head;
    head.lineage = known.lineage;
  }
  head.serial = next_serial(planned);
  if (!request.origin.source.empty()) {
    head.source = request.origin.source;
    head.commit = request.origin.commit;
  }
  head.digest = digest_of(planned.desired);
  head.apply_id = apply_id;
  return head;
}

// A write of records that was cut short has left claims of the generation before, or its head.
bool was_cut_short(const Planned& planned) {
  if (!planned.problems.empty() || !planned.view.head) return false;
  return planned.view.head->digest != digest_of(planned.desired) ||
         !claims_fit(planned.view.claims, claims_of(planned.desired));
}

bool writes_records(const Request& request, const Planned& planned) {
  if (!changes_records(request, planned) || !planned.plan.refused.empty()) return false;
  return planned.puts_back || planned.takes_source || !planned.plan.record_changes.empty() ||
         has_refused_records(planned.view) || was_cut_short(planned);
}

Result<StoreLock> lock_store(const Request& request, World& world) {
  StoreLock::Options options;
  options.ttl = request.lock_ttl;
  options.timeout = request.lock_timeout;
  options.is_dead = world.holder_is_dead;
  options.stop = world.stop;
  options.waiting = [&](const std::string& held) { world.waits(held, request.lock_timeout); };
  return StoreLock::acquire(*world.keystore, StoreLayout(request.cluster), world.holder, options);
}

// The lock, when records are to be written; the plan is then made anew, as what counts is what holds
// under the lock. None: there is nothing to write, or no longer.
Result<std::optional<StoreLock>> lock_for_writing(const Request& request, World& world, Planned& planned) {
  std::optional<StoreLock> lock;
  if (!writes_records(request, planned)) return lock;
  OVL_TRY(lock, lock_store(request, world));
  OVL_TRY(planned, make_plan(request, world));
  if (writes_records(request, planned)) return lock;
  OVL_CHECK(lock->release());
  return std::optional<StoreLock>();
}

Error error_of(const Finding& finding) {
  return Error{.code = finding.code,
               .message = fmt::format("{}: {}", finding.subject, finding.message),
               .hint = finding.hint};
}

// What nobody's approval helps against. A conflict of one part freezes it; who takes something over has asked
// for just that.
Status check_findings(const Request& request, const Plan& plan) {
  if (!plan.refused.empty()) return error_of(plan.refused.front());
  for (const Finding& conflict : plan.conflicts) {
    if (conflict.part.empty() || !request.adopt.empty()) return error_of(conflict);
  }
  return {};
}

Error problems_of(const Planned& planned) {
  return Error{.code = Errc::manifest,
               .message = planned.problems.front().message,
               .hint = planned.problems.front().hint};
}

bool has_new_facts(const Planned& planned) {
  return planned.own_facts && planned.published != planned.own_facts && !planned.away;
}

Status publish_own_facts(const Request& request, World& world, Planned& planned) {
  if (!has_new_facts(planned)) return {};
  planned.published = planned.own_facts;
  return publish_facts(*world.keystore, StoreLayout(request.cluster), planned.view, *planned.own_facts);
}

// Who is refused for an address that another host holds says all the same that it has it: it has its own no
// longer, and that may be the one that the other one has now.
Status tell_of_refused_vtep(const Request& request, World& world, Planned& planned) {
  const bool taken = std::ranges::any_of(
      planned.plan.refused, [](const Finding& finding) { return finding.id.text() == "vtep-taken"; });
  return taken ? publish_own_facts(request, world, planned) : Status();
}

// What is true only since this apply, by whoever holds the host's name already.
Status publish_what_came_true(const Request& request, World& world, Planned& planned) {
  if (!has_new_facts(planned)) return {};
  planned.published = planned.own_facts;
  return publish(*world.keystore, StoreLayout(request.cluster).facts(request.host),
                 encode(*planned.own_facts));
}

Standpoint standpoint(const Request& request, const World& world, const Planned& planned) {
  return Standpoint{.head = *planned.view.head,
                    .put_back = planned.view.put_back,
                    .keystore_access = request.keystore_access,
                    .now = world.now};
}

Status keep_records(State& state, const Planned& planned, const Standpoint& at) {
  OVL_CHECK(keep_memory(state, at));
  return save_last_good(state, planned.desired, planned.view.facts, at.head);
}

// Whoever writes records keeps them: this host's state has only those that it stands at.
Status keep_what_was_written(const Request& request, const World& world, const Planned& planned) {
  const bool by_host = has_host(request) && !planned.plan.partial;
  if (world.memory == nullptr || by_host || !has_cluster(request) || !planned.view.head) return {};
  OVL_TRY(const Memory before, memory_of(*world.memory));
  if (before.head == planned.view.head) return {};
  Status kept = keep_records(*world.memory, planned, standpoint(request, world, planned));
  // The records are written: a place that can't keep them remembers nothing, and that is all.
  const bool fatal = !kept.ok() && kept.error().code != Errc::privilege && kept.error().code != Errc::io &&
                     kept.error().code != Errc::unsupported;
  return fatal ? kept : Status();
}

Status write_cluster(const Request& request, World& world, Planned& planned, StoreLock& lock,
                     const std::string& apply_id, const Progress& progress) {
  const Head head = next_head(request, planned, apply_id);
  std::optional<PutBack> put_back;
  if (planned.puts_back)
    put_back = put_back_record(planned.memory, planned.view, planned.remembered.serial, head.serial);
  OVL_CHECK(execute_records(*world.keystore, StoreLayout(request.cluster), planned.view, planned.desired,
                            head, lock, progress, put_back));
  planned.view.head = head;
  if (put_back) planned.view.put_back = std::move(put_back);
  return keep_what_was_written(request, world, planned);
}

// Plans again from what is there now. When no records were written, those that the plan was made from still
// count: what others have written meanwhile is the next apply's.
Result<Plan> plan_again(const Request& request, World& world, const Planned& planned, bool wrote_records) {
  if (wrote_records || !has_host(request)) {
    OVL_TRY(Planned again, plan_stages(request, world));
    return std::move(again.plan);
  }
  Plan again = empty_plan(request);
  again.desired = planned.plan.desired;
  OVL_TRY(const std::optional<NftTable> stricter, compare_host(request, world, planned, again));
  static_cast<void>(stricter);  // planned has it
  return again;
}

// What stands in the way in a part since it was made, and what of it differs again, freezes that part.
void freeze_restless(Plan& again, Planned& planned) {
  for (const Finding& conflict : again.conflicts) {
    const auto is_known = [&](const Finding& other) { return other.part == conflict.part; };
    if (conflict.part.empty() || std::ranges::any_of(left_as_it_is(planned), is_known)) continue;
    planned.failed.push_back(conflict);
  }
  for (const NetnsName& space : again.frozen) planned.frozen.add(space);
  for (Finding& finding : blame(again, planned.frozen)) planned.failed.push_back(std::move(finding));
  freeze(again, planned.frozen);
  freeze(planned.plan, planned.frozen);
}

// Nothing may be left to do. What was to be made anew has been.
Status verify(Request request, World& world, Planned& planned, bool wrote_records) {
  request.replaces.clear();
  OVL_TRY(Plan again, plan_again(request, world, planned, wrote_records));
  if (has_host(request)) OVL_CHECK(remember_births(again.observed, again.cluster, *world.state));
  if (has_host(request)) say_full_ttl(planned, again.observed);
  freeze(again, planned.frozen);
  if (has_host(request) && request.adopt.empty()) freeze_restless(again, planned);
  planned.still_left = left_objects(again);
  if (again.empty()) return {};
  const PlanCounts counts = count(again);
  return Error{.code = Errc::verify,
               .message = fmt::format("after the apply {} objects still differ",
                                      counts.create + counts.update + counts.replace + counts.remove),
               .hint = "see them with: ovl plan"};
}

// This machine with the address that it has now; the last one, where none was asked for.
Result<HostIdentity> own_identity(const World& world, const Planned& planned) {
  HostIdentity out = world.identity;
  OVL_TRY(const auto known, identity_of(*world.state));
  if (planned.own_facts && planned.own_facts->vtep) {
    out.address = planned.own_facts->vtep->text();
  } else if (known) {
    out.address = known->address;
  }
  return out;
}

Status bind_identity(const World& world, const Planned& planned) {
  if (world.identity == HostIdentity{}) return {};
  OVL_TRY(const HostIdentity identity, own_identity(world, planned));
  return remember_identity(*world.state, identity);
}

// What this host follows from now on.
Status bind_host(const Request& request, const World& world, const Planned& planned) {
  State& state = *world.state;
  OVL_CHECK(state.bind("host", request.host.text()));
  if (!request.keystore_access.empty()) OVL_CHECK(state.bind("keystore", request.keystore_access));
  if (!planned.view.head) return {};
  OVL_CHECK(remember_forgotten(state, {}));
  OVL_CHECK(remember_lost(state, planned.lost));
  // After a part of a plan this host does not stand at these records.
  if (planned.plan.partial) return follow_lineage(state, planned.view.head->lineage, world.now);
  return keep_records(state, planned, standpoint(request, world, planned));
}

// Out of the records, and nothing of it is left here: nobody has to wait for this host.
bool is_gone(const Request& request, const Planned& planned) {
  return planned.desired.host(request.host) == nullptr && left_as_it_is(planned).empty() &&
         !std::ranges::binary_search(planned.view.frozen_hosts, request.host);
}

Status remove_status(const Request& request, World& world, const Planned& planned, const HostName& host) {
  if (!planned.view.status.contains(host.text())) return {};
  const std::string key = StoreLayout(request.cluster).status(host);
  return commit(*world.keystore, Transaction{.guards = {}, .writes = {{.key = key, .value = {}}}});
}

// What this host said under the name that it had before.
Status leave_former_name(const Request& request, World& world, const Planned& planned) {
  OVL_TRY(const auto former, world.state->binding("host"));
  const bool renamed = former && !former->empty() && *former != request.host.text();
  if (!renamed || !needs_store(request)) return {};
  const auto name = HostName::parse(*former);
  if (!name.ok() || planned.desired.host(name.value()) != nullptr) return {};
  return remove_status(request, world, planned, name.value());
}

Status report(const Request& request, World& world, const Planned& planned, const std::string& apply_id) {
  if (!has_host(request)) return {};
  const std::int64_t serial = planned.view.head ? planned.view.head->serial : 0;
  OVL_CHECK(record_generation(*world.state, planned.plan, serial, apply_id, world.now, world.holder.who));
  if (planned.away) return {};
  OVL_CHECK(leave_former_name(request, world, planned));
  OVL_CHECK(bind_host(request, world, planned));
  OVL_CHECK(bind_identity(world, planned));
  if (!needs_store(request) || planned.plan.partial) return {};
  if (is_gone(request, planned)) return remove_status(request, world, planned, request.host);
  const HostStatus status = good_status(request, planned, world.now, apply_id);
  return publish(*world.keystore, StoreLayout(request.cluster).status(request.host), encode(status));
}

// What went wrong on this host is for the others to see. When that can't be told either, the first
// error is the one that counts.
void report_failure(const Request& request, World& world, const Planned& planned, const Error& error,
                    const std::string& apply_id) {
  const bool silent = error.code == Errc::unreachable || error.code == Errc::in_doubt ||
                      error.code == Errc::interrupted;  // told to end, it does
  if (!has_host(request) || !needs_store(request) || request.destroy || silent || planned.away) return;
  const HostStatus status = failed_status(request, planned, error, world.now, apply_id);
  static_cast<void>(
      publish(*world.keystore, StoreLayout(request.cluster).status(request.host), encode(status)).ok());
}

// What an apply would repair, for the others to see; the host stands where it stood.
Status report_drift(const Request& request, World& world, const Planned& planned,
                    const std::string& apply_id) {
  if (!request.refresh_only || !has_host(request) || planned.away) return {};
  const HostStatus status = drift_status(request, planned, world.now, apply_id);
  return publish(*world.keystore, StoreLayout(request.cluster).status(request.host), encode(status));
}

// A host on which a generation changes nothing stands at it all the same.
bool is_reported(const Request& request, const Planned& planned) {
  if (!has_host(request) || !needs_store(request) || !planned.view.head) return true;
  if (request.refresh_only || planned.plan.partial || planned.away) return true;
  if (is_gone(request, planned)) return !planned.view.status.contains(request.host.text());
  return is_published(request, planned) && planned.memory.head == planned.view.head;
}

// For `ovl status`, which can't ask the store.
Status note_away(const Request& request, const World& world, const Planned& planned) {
  if (request.scope != Scope::host || world.state == nullptr || request.destroy) return {};
  OVL_TRY(const auto before, world.state->binding("away since"));
  const bool was = before && !before->empty();
  if (was == planned.away) return {};
  return world.state->bind("away since", planned.away ? std::to_string(world.now) : std::string());
}

// A state that was lost, or is of another generation, is written again also when nothing changes.
Result<bool> is_remembered(const Request& request, const World& world, const Planned& planned) {
  const bool asked = has_host(request) && needs_store(request) && planned.view.head;
  if (!asked || request.destroy || request.refresh_only || planned.plan.partial || planned.away) return true;
  OVL_TRY(const StoredRecords kept, world.state->records_head());
  OVL_TRY(const auto host, world.state->binding("host"));
  return host == request.host.text() && kept.lineage == planned.view.head->lineage &&
         kept.serial == planned.view.head->serial;
}

// Nothing differs here: the state is certain from now on, and of this machine as it is now.
Status confirm_state(const Request& request, World& world, const Planned& planned) {
  if (!has_host(request) || request.destroy || request.refresh_only || planned.plan.partial || planned.away)
    return {};
  OVL_CHECK(bind_identity(world, planned));
  OVL_CHECK(remember_lost(*world.state, planned.lost));
  OVL_CHECK(remember_births(planned.plan.observed, planned.plan.cluster, *world.state));
  OVL_TRY(const bool certain, world.state->is_certain());
  return certain ? Status() : world.state->stamp();
}

// As the state was before this apply, for who finds it damaged.
Status back_up(const Request& request, World& world) {
  return has_host(request) ? world.state->back_up() : Status();
}

constexpr std::string_view kNothingYet = "nothing was changed";

// What fails in one part of the host is left out of the plan from then on.
Status write_host(const Request& request, World& world, Planned& planned, const std::string& apply_id,
                  const Progress& progress) {
  Freezer freezer(planned.plan);
  Freezer* const one_by_one = request.adopt.empty() ? &freezer : nullptr;
  OVL_CHECK(execute_objects(planned.plan, *world.kernel, *world.state, apply_id, progress, one_by_one));
  planned.failed = freezer.failures();
  planned.frozen = freezer.parts();
  for (const NetnsName& space : planned.plan.frozen) planned.frozen.add(space);
  freeze(planned.plan, planned.frozen);
  return {};
}

Status execute(const Request& request, World& world, Planned& planned, std::optional<StoreLock>& lock,
               const std::string& apply_id, const Progress& progress) {
  OVL_CHECK(progress.go_on("publish facts", kNothingYet));
  OVL_CHECK(publish_own_facts(request, world, planned));
  if (lock) OVL_CHECK(write_cluster(request, world, planned, *lock, apply_id, progress));
  if (has_host(request)) {
    // The records are written: a lock that is lost now costs nothing but its courtesy, and a store that
    // fails is not waited for with each step.
    bool holds = lock.has_value();
    const Progress step{[&](const StepProgress& now) {
                          holds = holds && lock->keep_alive().ok();
                          progress.tell(now);
                        },
                        progress.stop};
    const Answering before = ask_around(request, world, planned);
    OVL_CHECK(write_host(request, world, planned, apply_id, step));
    OVL_CHECK(check_answering(before, request, world, planned));
  }
  OVL_CHECK(progress.go_on("verify", "all is written, and not verified; apply again to go on"));
  progress.start("verify", 0);
  OVL_CHECK(verify(request, world, planned, lock.has_value()));
  progress.complete("verify", 0);
  OVL_CHECK(publish_what_came_true(request, world, planned));
  return report(request, world, planned, apply_id);
}

Status change_filter(const Request& request, World& world, const Planned& planned) {
  const Answering before = ask_around(request, world, planned);
  const ObjectChange& change = planned.plan.object_changes.front();
  const Operation operation{
      .netns = &planned.plan.spaces.front(), .before = change.before, .after = change.after};
  ApplyOutcome outcome = world.kernel->apply(std::span(&operation, 1));
  if (outcome.error) return std::move(*outcome.error);
  return check_answering(before, request, world, planned);
}

// What others have said since this host's filter was made is followed by who follows the cluster, or changes
// this host anyway. No plan is made of it, or none would be empty right after another host's first apply.
Status tighten(const Request& request, World& world, Planned& planned) {
  const bool follows = request.scope == Scope::host || !planned.plan.object_changes.empty();
  const bool doubtful = planned.away || !planned.view.refused.empty();
  if (!planned.stricter || !follows || doubtful) return {};
  if (request.refresh_only || planned.plan.partial) return {};
  const NamespaceObjects* host = planned.plan.observed.find(NetnsName());
  const auto at = std::ranges::find(host->nft_tables, planned.stricter->key(), &NftTable::key);
  const ObjectChange change{.action = Action::update, .before = &*at, .after = &*planned.stricter};
  // The plan that is shown stays what it is.
  auto spaces = std::exchange(planned.plan.spaces, {NetnsName()});
  auto changes = std::exchange(planned.plan.object_changes, {change});
  Status done = change_filter(request, world, planned);
  planned.plan.spaces = std::move(spaces);
  planned.plan.object_changes = std::move(changes);
  OVL_CHECK(std::move(done));
  planned.stricter.reset();
  // With what they have said, so that it still counts when the store is lost.
  return planned.view.head ? keep_records(*world.state, planned, standpoint(request, world, planned))
                           : Status();
}

}  // namespace

Result<Planned> make_plan(const Request& request, World& world) {
  OVL_TRY(Planned planned, plan_stages(request, world));
  OVL_CHECK(check_names(request, planned));
  return planned;
}

std::vector<Finding> left_as_it_is(const Planned& planned) {
  std::vector<Finding> out;
  for (const std::vector<Finding>* findings : {&planned.plan.conflicts, &planned.failed}) {
    for (const Finding& finding : *findings) {
      if (!finding.part.empty()) out.push_back(finding);
    }
  }
  return out;
}

namespace {

Status begin_writing(const Request& request) {
  return request.before_writing ? request.before_writing() : Status();
}

bool is_at_rest(const Request& request, const Planned& planned) {
  return planned.plan.empty() && (request.refresh_only || check_findings(request, planned.plan).ok());
}

bool wants_approval(const Request& request, const Planned& planned) {
  if (!is_at_rest(request, planned)) return true;
  // That the same files are now of another commit changes nothing that anybody could say no to.
  return writes_records(request, planned) && (!planned.takes_source || planned.puts_back);
}

// A person thinks, and nothing is locked.
Status ask_unlocked(const Request& request, World& world, const Approve& approve, const Progress& progress) {
  OVL_TRY(const Planned planned, make_plan(request, world));
  OVL_CHECK(progress.go_on("approve", kNothingYet));
  if (request.check) OVL_CHECK(request.check(planned));
  if (!planned.problems.empty()) return problems_of(planned);
  return wants_approval(request, planned) ? approve(planned.plan) : Status();
}

Result<Applied> apply_steps(const Request& request, World& world, const Approve& approve,
                            const Progress& progress) {
  Applied applied;
  if (request.asks) OVL_CHECK(ask_unlocked(request, world, approve, progress));
  if (request.lock_host) OVL_CHECK(request.lock_host());
  OVL_TRY(applied.planned, make_plan(request, world));
  OVL_CHECK(progress.go_on("lock the cluster", kNothingYet));
  OVL_TRY(std::optional<StoreLock> lock, lock_for_writing(request, world, applied.planned));
  Planned& planned = applied.planned;
  OVL_CHECK(progress.go_on("approve", kNothingYet));
  OVL_CHECK(note_away(request, world, planned));
  if (request.check) OVL_CHECK(request.check(planned));
  if (!planned.problems.empty()) return problems_of(planned);
  const bool at_rest = is_at_rest(request, planned);
  if (at_rest && !lock) {
    OVL_CHECK(begin_writing(request));
    OVL_CHECK(publish_own_facts(request, world, planned));
    OVL_CHECK(report_drift(request, world, planned, random_id()));
    OVL_CHECK(keep_what_was_written(request, world, planned));
    OVL_TRY(const bool remembered, is_remembered(request, world, planned));
    if (!remembered || !is_reported(request, planned)) {
      OVL_CHECK(back_up(request, world));
      OVL_CHECK(report(request, world, planned, random_id()));
    }
    OVL_CHECK(confirm_state(request, world, planned));
  } else {
    if (!request.asks && wants_approval(request, planned)) OVL_CHECK(approve(planned.plan));
    OVL_CHECK(tell_of_refused_vtep(request, world, planned));
    OVL_CHECK(check_findings(request, planned.plan));
    OVL_CHECK(begin_writing(request));
    OVL_CHECK(back_up(request, world));
    const std::string apply_id = random_id();
    Status done = execute(request, world, planned, lock, apply_id, progress);
    if (!done.ok()) {
      report_failure(request, world, planned, done.error(), apply_id);
      return std::move(done).error();
    }
  }
  OVL_CHECK(tighten(request, world, planned));
  if (lock) OVL_CHECK(lock->release());
  planned.plan.undone = undone_of(request, planned);
  applied.left = left_as_it_is(planned);
  applied.serial = planned.view.head ? planned.view.head->serial : 0;
  applied.writes = world.kernel != nullptr ? world.kernel->writes() : 0;
  return applied;
}

}  // namespace

Result<Applied> apply(const Request& request, World& world, const Approve& approve,
                      const Progress& progress) {
  auto applied = apply_steps(request, world, approve, {.tell = progress.tell, .stop = world.stop});
  if (applied.ok()) return applied;
  const Errc code = applied.error().code;
  const bool waited = code == Errc::unreachable || code == Errc::in_doubt || code == Errc::locked;
  if (!waited || !world.stop()) return applied;
  // The user did not wait for that answer to the end.
  return Error{.code = Errc::interrupted, .message = "interrupted: " + applied.error().message};
}

}  // namespace ovl
