#include "cmd/session/context.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <filesystem>
#include <iostream>

#include "cmd/base/error_text.hpp"
#include "cmd/base/exit.hpp"
#include "cmd/base/interrupt.hpp"
#include "cmd/base/keystore_options.hpp"
#include "cmd/base/style.hpp"
#include "cmd/session/cli_environment.hpp"
#include "cmd/session/cluster_memory.hpp"
#include "cmd/session/journal.hpp"
#include "cmd/session/machine.hpp"
#include "cmd/session/manifest_cache.hpp"
#include "cmd/trust/cluster_word.hpp"
#include "cmd/trust/confirmed_keystores.hpp"
#include "cmd/trust/host_side.hpp"
#include "cmd/trust/netns_file.hpp"
#include "cmd/trust/policy_file.hpp"
#include "drivers/kernel/linux.hpp"
#include "drivers/keystore/url.hpp"
#include "drivers/signature/signature.hpp"
#include "reconcile/cluster/recall.hpp"
#include "reconcile/host/lock_out.hpp"
#include "reconcile/manifest/diagnostic_text.hpp"
#include "reconcile/manifest/parse.hpp"
#include "reconcile/manifest/sources.hpp"
#include "reconcile/store/store_place.hpp"
#include "state/folders.hpp"
#include "state/places.hpp"

namespace ovl {

namespace {

void print_diagnostics(const Diagnostics& diagnostics, const Sources& sources) {
  std::cerr << render_all(diagnostics, sources, wants_colour(STDERR_FILENO));
}

bool has_errors(const Diagnostics& diagnostics) {
  return std::ranges::any_of(diagnostics, [](const Diagnostic& d) { return d.severity == Severity::error; });
}

// On stderr: stdout may be a document.
void say_waiting(const std::string& held, std::chrono::milliseconds limit) {
  const std::string words = limit.count() % 1000 == 0 ? fmt::format("{}s", limit.count() / 1000)
                                                      : fmt::format("{}ms", limit.count());
  say_line(fmt::format("{}; waiting for it, at most {}", held, words));
}

Result<Scope> parse_scope(const std::string& text) {
  auto scope = decode<Scope>(Value(text));
  if (scope.ok()) return scope;
  return Error{.code = Errc::usage,
               .message = fmt::format("\"{}\" is no scope", printable(text)),
               .hint = "use all, cluster or host"};
}

// Where nobody sees the diagnostics, the first of them is what others are told: place and message.
std::string first_error(const Diagnostics& diagnostics, const Sources& sources) {
  const auto at = std::ranges::find(diagnostics, Severity::error, &Diagnostic::severity);
  if (at == diagnostics.end()) return {};
  return fmt::format("{}: {}", place_text(at->place, sources), at->message);
}

// first: what is wrong first; may be empty.
Error invalid_manifest(const std::string& first) {
  return Error{.code = Errc::manifest,
               .message = fmt::format("the manifest is invalid{}{}; nothing was done",
                                      first.empty() ? "" : ": ", first)};
}

// The first of the candidates that is a declared (or recorded) host.
std::optional<HostName> known_host(const std::string& candidate, const Manifest* manifest,
                                   const Records& records) {
  auto name = HostName::parse(candidate);
  if (!name.ok()) return std::nullopt;
  const bool declared =
      manifest != nullptr && std::ranges::any_of(manifest->hosts, [&](const HostBlock& block) {
        return block.name == name.value();
      });
  if (declared || records.host(name.value()) != nullptr) return std::move(name).value();
  return std::nullopt;
}

// What a host is called now that was called `former`: by [[moved]], or by the id that its record had when it
// last applied.
Result<std::optional<HostName>> new_name_of(const std::string& former, const Manifest* manifest,
                                            const Records& records, const State& state) {
  if (manifest != nullptr) {
    for (const Move& move : moves_of(*manifest)) {
      if (move.kind == "host" && move.from == former) return known_host(move.to, manifest, records);
    }
    return std::optional<HostName>();
  }
  const auto name = HostName::parse(former);
  if (!name.ok()) return std::optional<HostName>();
  OVL_TRY(const Remembered known, remember(state));
  const HostRecord* before = known.records.host(name.value());
  if (before == nullptr) return std::optional<HostName>();
  const auto now = std::ranges::find(records.hosts, before->id, &HostRecord::id);
  return now != records.hosts.end() ? std::optional(now->name) : std::nullopt;
}

std::string declared_hosts(const Manifest* manifest, const Records& records) {
  std::string out;
  const auto add = [&](const HostName& name) { out += (out.empty() ? "" : ", ") + name.text(); };
  if (manifest != nullptr) {
    for (const HostBlock& block : manifest->hosts) add(block.name);
  } else {
    for (const HostRecord& record : records.hosts) add(record.name);
  }
  return out.empty() ? "none" : out;
}

// A plan of one store is not for another.
Status check_saved_store(const KeystoreWords& words) {
  const bool is_other = !words.given.url.empty() && !words.stated.url.empty() &&
                        !names_no_other_store(words.stated.url, words.given.url);
  if (!is_other) return {};
  return Error{.code = Errc::guard,
               .message = "the saved plan is for another keystore than is named here",
               .hint = "plan again, with the same --keystore or OVL_KEYSTORE"};
}

// What a host that applies by itself goes on with. Where a file remembers the name, that one alone counts.
std::vector<Label> followed_clusters(const GlobalOptions& global, const PlanOptions& options) {
  return options.cluster_file.empty() ? clusters_with_state(global.state_directory) : std::vector<Label>();
}

// The cluster that this host is bound to, when it is bound to one alone.
Result<Label> only_cluster(const std::string& state_directory) {
  std::vector<Label> found = clusters_with_state(state_directory);
  if (found.size() == 1) return std::move(found.front());
  return Error{.code = Errc::usage,
               .message = found.empty() ? "no manifest here, and this host follows no cluster yet"
                                        : "no manifest here, and this host follows several clusters",
               .hint = "name a manifest, or --keystore URL and --cluster NAME"};
}

// Its cluster, in whatever store.
bool remembers(const State* state) {
  if (state == nullptr) return false;
  const auto memory = memory_of(*state);
  return memory.ok() && !memory.value().lineage.empty();
}

// Empty for a server.
std::string file_of_store(const std::string& url) {
  constexpr std::string_view file = "sqlite://";
  return url.starts_with(file) ? url.substr(file.size()) : std::string();
}

bool is_file_missing(const std::string& url) {
  const std::string file = file_of_store(url);
  if (file.empty()) return false;
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  const bool gone = error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory;
  return gone || (!error && size == 0);
}

// The history of a SQLite file goes back to its making, and is empty before that.
bool never_held(Keystore& keystore, const std::string& url, const std::string& key) {
  if (is_file_missing(url)) return true;
  const auto watch = keystore.watch(KeySelection::only(key), 0);
  if (!watch.ok()) return false;
  const auto seen = watch.value()->next(std::chrono::milliseconds(0));
  return seen.ok() && !seen.value().reset && seen.value().events.empty();
}

Error not_in_place(const std::string& url) {
  return Error{
      .code = Errc::unreachable,
      .message = fmt::format("{} is not the file that had it: that was lost, or its file system is not "
                             "mounted yet",
                             printable(file_of_store(url))),
      .hint = "mount it; if it was lost: apply the manifest by hand, which puts back what is remembered"};
}

}  // namespace

Result<Context> Context::open(const GlobalOptions& global, const PlanOptions& options, const Needs& needs,
                              const GivenManifest* given) {
  Context context;
  OVL_TRY(context.request_.scope, parse_scope(options.scope));
  OVL_TRY(context.request_.lock_timeout, parse_duration("--lock-timeout", options.lock_timeout));
  context.request_.destroy = options.destroy;
  context.asks_policy_ = needs.policy && context.request_.scope != Scope::host;
  OVL_CHECK(context.fill_host_policy(options));
  OVL_CHECK(context.load_manifest(options, needs, given));
  if (given != nullptr) {
    OVL_CHECK(context.fill_given(*given));
  } else if (needs.source && context.manifest_) {
    OVL_CHECK(context.fill_source(options.path));
  }
  OVL_CHECK(context.fill_request(global, options, given));
  // Refused before anything is made here.
  if (needs.keystore && context.knows_keystore()) OVL_CHECK(context.choose_keystore(global, options));
  const bool host = needs.host && context.request_.scope != Scope::cluster;
  if (host) {
    OVL_CHECK(context.open_host(global));
    OVL_CHECK(context.fill_netns(options, given));
  }
  // A host without a manifest goes by what its last apply left.
  if (host || needs.state || !context.knows_keystore()) OVL_CHECK(context.open_state(global, needs));
  if (needs.keystore) OVL_CHECK(context.open_store(global, options, needs));
  OVL_CHECK(context.open_memory(global, options, needs));
  context.mind_place(options);
  if (host && needs.identity) {
    Status identified = context.identify(options);
    if (!identified.ok() && (!needs.optional_identity || !options.host.empty()))
      return std::move(identified).error();
  }
  context.remember_name(options);
  context.world_.now = std::time(nullptr);
  context.world_.holder = this_process(context.world_.now);
  context.world_.holder_is_dead = holder_is_dead;
  context.world_.stop = interrupted;
  context.world_.waits = say_waiting;
  context.world_.answers = answers_inside;
  context.world_.lock_out_patience =
      std::min<std::chrono::milliseconds>(kLongestLockOut, context.store_.timeout);
  return context;
}

Result<bool> Context::watch_netns() {
  if (world_.kernel == nullptr || !netns_file_.may_have_changed()) return false;
  return refresh_netns();
}

Result<bool> Context::refresh_netns() {
  if (world_.kernel == nullptr) return false;
  OVL_TRY(NetnsList now, read_netns_list());
  const bool other = now.patterns != request_.netns_list.patterns;
  request_.netns_list = std::move(now);
  return other;
}

Result<bool> Context::refresh(const GlobalOptions& global, const PlanOptions& options) {
  OVL_CHECK(fill_host_policy(options));
  request_.signer.clear();
  request_.unsigned_because.clear();
  if (!request_.origin.commit.empty()) OVL_CHECK(fill_signer());
  access_ = {};
  words_ = {};
  stated_in_.clear();
  OVL_CHECK(fill_access(options, nullptr));
  OVL_CHECK(choose_keystore(global, options));
  OVL_TRY(const KeystoreOptions store, keystore_options(access_));
  return reached_by_ == digest_of_access(store);
}

Status Context::fill_host_policy(const PlanOptions& options) {
  if (!asks_policy_) return {};
  OVL_TRY(request_.host_policy, read_host_policy(options.policy));
  return {};
}

Status Context::load_manifest(const PlanOptions& options, const Needs& needs, const GivenManifest* given) {
  if (given != nullptr) {
    source_.files = given->files;
    if (source_.files.empty()) return {};
  } else {
    auto found = find_manifest(options);
    if (!found.ok()) {
      const bool named = !options.path.empty() || !options.ref.empty() || !options.repo.empty();
      if (found.error().code == Errc::not_found && !named && !needs.manifest) return {};
      return std::move(found).error();
    }
    source_ = std::move(found).value();
  }
  if (manifest_known()) {
    if (needs.findings != nullptr) *needs.findings = {source_.files, *manifest_, {}};
    return {};
  }
  Parsed parsed = parse(source_.files);
  print_diagnostics(parsed.diagnostics, source_.files);
  if (needs.findings != nullptr) {
    const bool revision = given != nullptr ? given->revision : source_.revision;
    *needs.findings = {source_.files, parsed.manifest, parsed.diagnostics, revision};
  }
  if (has_errors(parsed.diagnostics)) {
    const bool unseen = options.host_side || options.by_itself;
    return invalid_manifest(unseen ? first_error(parsed.diagnostics, source_.files) : std::string());
  }
  if (!source_.content.empty() && parsed.diagnostics.empty())
    ManifestCache().keep(source_.content, parsed.manifest);
  manifest_ = std::make_unique<Manifest>(std::move(parsed.manifest));
  return {};
}

// The same content was parsed before, and found without fault.
bool Context::manifest_known() {
  if (source_.content.empty()) return false;
  auto known = ManifestCache().find(source_.content);
  if (known) manifest_ = std::make_unique<Manifest>(std::move(*known));
  return known.has_value();
}

// Where the manifest comes from: a place in a repository's history, or just a directory.
Status Context::fill_source(const std::string& path) {
  if (!source_.revision) OVL_CHECK(find_origin(source_, path));
  Origin& origin = request_.origin;
  origin = source_.origin;
  origin.digest = manifest_->digest;
  if (origin.source.empty()) origin.source = "dir:" + manifest_->cluster.value.text();
  request_.dirty = source_.dirty;
  request_.shallow = source_.shallow;
  return origin.commit.empty() ? Status() : fill_commit();
}

Status Context::fill_commit() {
  request_.descent = [repository = source_.repository.get(), origin = request_.origin,
                      ways = ways_to_read(request_.origin.path, source_.files)](const std::string& applied) {
    return descent_of(*repository, origin, ways, applied);
  };
  return fill_signer();
}

// A plan that was made from a branch is of what the branch was. Where the repository is not at hand, on
// another machine, the cluster's head is what must not have moved.
Status Context::fill_given(const GivenManifest& given) {
  request_.origin = given.origin;
  request_.dirty = given.dirty;
  if (given.origin.commit.empty() || given.repo.empty()) return {};
  auto repository = open_repository(given.repo);
  if (!repository.ok() || !repository.value()) return {};
  source_.repository = std::move(repository).value();
  source_.revision = given.revision && is_of_commit(*source_.repository, given.origin, given.files);
  const auto now = source_.repository->commit(given.ref);
  const std::string id = now.ok() ? now.value().id : "gone";
  if (id == given.origin.commit) return fill_commit();
  return Error{.code = Errc::stale,
               .message = fmt::format(
                   "the saved plan is stale: {} has moved since it was made, commit {:.12} -> {:.12}",
                   given.ref, given.origin.commit, id),
               .hint = "plan again; nothing was done"};
}

// Looked at only where a policy asks for it. Whose signature counts is for the host to say; what was signed
// is a commit, not a work tree's files.
Status Context::fill_signer() {
  const auto asks = [](const std::optional<Policy>& policy) { return policy && policy->require_signed; };
  if (!asks(request_.host_policy) && !(manifest_ && asks(manifest_->policy))) return {};
  if (!source_.revision) {
    request_.unsigned_because = "its files were not read from a commit; plan what is committed: --ref HEAD";
    return {};
  }
  const std::string& commit = request_.origin.commit;
  OVL_TRY(const CommitSignature found, source_.repository->signature(commit));
  Signers signers;
  if (request_.host_policy)
    signers = {.allowed_signers = request_.host_policy->signers, .keyring = request_.host_policy->keyring};
  const auto verified = verify_signature(found.payload, found.signature, signers);
  if (verified.ok()) {
    request_.signer = verified.value().signer;
  } else {
    request_.unsigned_because = fmt::format("commit {:.12}: {}", commit, verified.error().message);
  }
  return {};
}

// A saved plan, a revision, records and what automation has checked out were in other hands; what a file of
// ours says, we say.
Status Context::fill_netns(const PlanOptions& options, const GivenManifest* given) {
  OVL_TRY(request_.netns_list, read_netns_list());
  const bool unasked = options.host_side || options.unattended || options.by_itself || is_automation();
  const bool by_hand = !unasked && given == nullptr && !source_.revision;
  if (request_.manifest == nullptr || !by_hand) return {};
  std::vector<std::string> names;
  for (const SourceFile& file : source_.files) names.push_back(file.name);
  request_.own_words = are_own_files(names);
  return {};
}

Status Context::fill_request(const GlobalOptions& global, const PlanOptions& options,
                             const GivenManifest* given) {
  if (options.take_over && (request_.scope == Scope::host || options.destroy || options.refresh_only)) {
    return Error{.code = Errc::usage,
                 .message = "--take-over makes a manifest the source of the cluster's records: there is none",
                 .hint = "apply the manifest with it: ovl apply --take-over"};
  }
  request_.manifest = request_.scope == Scope::host ? nullptr : manifest_.get();
  request_.take_over = options.take_over;
  request_.allow_rollback = options.allow_rollback;
  request_.goes_back = options.goes_back;
  request_.restored = options.restored;
  request_.environment = options.environment;
  if (!options.max_destroy.empty()) {
    OVL_TRY(request_.max_destroy, DestroyLimit::parse(options.max_destroy));
  }
  OVL_CHECK(fill_access(options, given));
  OVL_CHECK(fill_cluster(global, options));
  return fill_selection(options);
}

// Before anything is read or written in the cluster's tree.
Status Context::fill_cluster(const GlobalOptions& global, const PlanOptions& options) {
  if (manifest_) request_.cluster = manifest_->cluster.value;
  if (options.host_side || options.unattended) {
    OVL_TRY(const auto held, held_clusters(options, followed_clusters(global, options)));
    if (manifest_) OVL_CHECK(check_cluster_held(*manifest_, source_.files, held));
    if (held.size() == 1) request_.cluster = held.front();
  } else if (!options.cluster.empty()) {
    OVL_TRY(request_.cluster, Label::parse(options.cluster));
  }
  return {};
}

// However the apply that writes under this name ends, no other name takes its place.
void Context::remember_name(const PlanOptions& options) {
  if (options.cluster_file.empty()) return;
  request_.before_writing = [file = options.cluster_file, name = request_.cluster] {
    return remember_cluster(file, name);
  };
}

Status Context::fill_access(const PlanOptions& options, const GivenManifest* given) {
  words_.given = with_absolute_files(options.keystore);
  if (options.host_side) {
    OVL_TRY(access_, host_side_access(words_.given));
    return manifest_ ? check_host_side(manifest_->keystore, source_.files, access_) : Status();
  }
  if (given != nullptr) {
    words_.stated = given->access;
    stated_in_ = {given->file};
    stated_at_ = printable(given->file);
    return check_saved_store(words_);
  }
  if (!manifest_) return {};
  words_.stated = access_of(manifest_->keystore, source_.files);
  stated_at_ = place_text(manifest_->keystore.place, source_.files);
  if (!source_.revision) {
    for (const SourceFile& file : source_.files) stated_in_.push_back(file.name);
  }
  const bool counts = words_.given.url.empty() && source_.revision;
  return counts ? check_revision_files(manifest_->keystore) : Status();
}

// What the host's side says besides the command line, and whose files the words stand in. Asked for only
// where it decides something.
Status Context::hear_host(const GlobalOptions& global, const PlanOptions& options) {
  words_.automation = is_automation() || options.unattended || options.by_itself || options.only_named;
  const bool has_secrets = has_references(words_.stated) || has_references(words_.given);
  words_.own_files = (has_secrets || options.unattended) && are_own_files(stated_in_);
  if (!words_.given.url.empty()) return {};
  if (has_secrets || words_.stated.url.empty() || options.only_named || options.unattended) {
    OVL_TRY(words_.bound, bound_access(global));
  }
  auto file = read_host_side();
  // What only root may read says nothing to others.
  if (!file.ok() && file.error().os_errno == EACCES) return {};
  if (!file.ok()) return std::move(file).error();
  words_.file = file.value().access;
  return {};
}

// Whose words they are decides which address gets which secrets; see choose_access().
Status Context::choose_keystore(const GlobalOptions& global, const PlanOptions& options) {
  if (!access_.url.empty()) return {};
  OVL_CHECK(hear_host(global, options));
  ChosenAccess chosen = choose_access(words_);
  access_ = chosen.access;
  // What runs by itself makes and fills what it is told of, for as long as it runs.
  const bool asks_host = options.only_named || (options.unattended && !words_.own_files);
  if (asks_host && !chosen.is_named) return unconfirmed_access(chosen, stated_at_);
  if (chosen.is_confirmed) return {};
  const bool may_ask = words_.own_files && !words_.automation && is_at_terminal();
  if (!may_ask) return unconfirmed_access(chosen, stated_at_);
  const ConfirmedKeystores confirmed(global.state_directory);
  if (confirmed.has(access_)) return {};
  return options.auto_approve ? unconfirmed_access(chosen, stated_at_) : confirmed.ask(access_, stated_at_);
}

Status Context::fill_selection(const PlanOptions& options) {
  const auto parse = [](const std::vector<std::string>& texts, std::vector<ChangeName>& out) -> Status {
    for (const std::string& text : texts) {
      OVL_TRY(ChangeName name, ChangeName::parse(text));
      out.push_back(std::move(name));
    }
    return {};
  };
  OVL_CHECK(parse(options.targets, request_.selection.targets));
  OVL_CHECK(parse(options.excludes, request_.selection.excludes));
  OVL_CHECK(parse(options.replaces, request_.replaces));
  request_.refresh_only = options.refresh_only;
  const bool selects = !request_.selection.all() || !request_.replaces.empty();
  if (options.refresh_only && (selects || options.destroy)) {
    return Error{
        .code = Errc::usage,
        .message = "--refresh-only changes nothing, so there is nothing to select, replace or destroy",
        .hint = "leave one of them out"};
  }
  if (options.destroy && request_.scope == Scope::host && selects) {
    return Error{.code = Errc::usage,
                 .message = "a host's destroy takes all that ovl made there",
                 .hint = "select with the cluster's records: leave out --scope host"};
  }
  return {};
}

Status Context::open_host(const GlobalOptions& global) {
  LinuxKernelOptions kernel;
  kernel.run_directory = global.run_directory + "/netns";
  kernel.mount_namespace = global.mount_namespace;
  OVL_TRY(kernel_, open_linux_kernel(kernel));
  world_.kernel = kernel_.get();
  run_directory_ = global.run_directory;
  request_.unusable_places = unusable_places(global.state_directory, global.run_directory);
  return {};
}

Status Context::open_state(const GlobalOptions& global, const Needs& needs) {
  if (request_.cluster.empty()) {
    OVL_TRY(request_.cluster, only_cluster(global.state_directory));
  }
  const StateOptions where{
      .root = global.state_directory, .cluster = request_.cluster, .run_directory = global.run_directory};
  OVL_TRY(State state, needs.writable ? State::open(where) : State::open_read_only(where));
  const ThisMachine here = this_machine();
  world_.identity = {.machine = here.machine, .name = here.name};
  if (!needs.any_machine) OVL_CHECK(check_identity(state, here));
  state_ = std::make_unique<State>(std::move(state));
  world_.state = state_.get();
  return {};
}

// How the last apply of this cluster here reached its keystore.
Result<KeystoreAccess> Context::bound_access(const GlobalOptions& global) const {
  if (state_) return access_in(*state_);
  if (request_.cluster.empty()) return KeystoreAccess();
  auto state = State::open_read_only({.root = global.state_directory, .cluster = request_.cluster});
  if (!state.ok() && state.error().code == Errc::privilege) return KeystoreAccess();
  if (!state.ok()) return std::move(state).error();
  return access_in(state.value());
}

bool Context::knows_keystore() const {
  return !access_.url.empty() || !words_.given.url.empty() || !words_.stated.url.empty();
}

Result<std::optional<HostLock>> Context::lock_host() {
  if (world_.kernel == nullptr) return std::optional<HostLock>();
  OVL_TRY(HostLock lock, ovl::lock_host(HostLockOptions{.run_directory = run_directory_,
                                                        .command = "ovl apply",
                                                        .since = world_.now,
                                                        .timeout = request_.lock_timeout,
                                                        .waiting = [this](const std::string& held) {
                                                          world_.waits(held, request_.lock_timeout);
                                                        }}));
  return std::optional<HostLock>(std::move(lock));
}

Status Context::lock_host_for(std::optional<HostLock>& lock) {
  world_.now = std::time(nullptr);
  world_.holder.since = world_.now;
  auto taken = lock_host();
  if (!taken.ok()) return std::move(taken).error();
  if (taken.value()) lock.emplace(std::move(*taken.value()));
  return {};
}

namespace {

// An option's own mistake is told as such, with the variable that it may have come from.
Status check_given_url(const std::string& url) {
  auto parsed = url.empty() ? Result<KeystoreUrl>(KeystoreUrl()) : parse_keystore_url(url);
  if (parsed.ok()) return {};
  Error error = std::move(parsed).error();
  constexpr std::string_view kSubject = "keystore URL: ";
  if (error.message.starts_with(kSubject)) error.message.erase(0, kSubject.size());
  error.message = fmt::format("{}: {}", said_by("--keystore", url), error.message);
  return error;
}

}  // namespace

Status Context::open_store(const GlobalOptions& global, const PlanOptions& options, const Needs& needs) {
  OVL_CHECK(check_given_url(options.keystore.url));
  OVL_CHECK(choose_keystore(global, options));
  if (access_.url.empty()) {
    return Error{.code = Errc::usage,
                 .message = "no manifest here, and no keystore named",
                 .hint = "name a manifest, or --keystore URL and --cluster NAME"};
  }
  OVL_TRY(store_.timeout, parse_duration("--timeout", options.timeout));
  request_.keystore_access = encode(access_).json();
  OVL_TRY(request_.keystores, server_addresses(access_.url));
  is_alone_ = stands_alone(needs);
  Status reached = reach_store();
  request_.may_begin = may_begin(options);
  if (reached.ok() || !is_alone_ || !is_away(reached.error(), access_.url)) return reached;
  world_.why_away = reached.error();
  return {};
}

Status Context::reach_store() {
  // Whoever writes into a file that is not there makes another one.
  if (keystore_ != nullptr) return is_file_missing(access_.url) ? world_.in_place() : Status();
  OVL_TRY(KeystoreOptions store, keystore_options(access_));
  store.timeout = store_.timeout;
  store_ = std::move(store);
  reached_by_ = digest_of_access(store_);
  OVL_TRY(keystore_, open_keystore(store_));
  world_.keystore = keystore_.get();
  return {};
}

// A person who applies the manifest knows whether the file was lost; who applies by itself does not.
void Context::mind_place(const PlanOptions& options) {
  const bool unasked =
      request_.scope == Scope::host || options.by_itself || options.host_side || options.unattended;
  const bool is_file = !file_of_store(access_.url).empty();
  if (!unasked || !is_file || keystore_ == nullptr) return;
  world_.in_place = [keystore = keystore_.get(), states = std::array{state_.get(), memory_.get()},
                     url = access_.url, head = StoreLayout(request_.cluster).head()]() -> Status {
    const bool remembered = std::ranges::any_of(states, remembers);
    return remembered && never_held(*keystore, url, head) ? not_in_place(url) : Status();
  };
}

// A host that only follows the records has those that it realised last.
bool Context::stands_alone(const Needs& needs) const {
  return request_.scope == Scope::host && !request_.destroy && needs.host && state_ != nullptr;
}

// Where nobody is asked, nothing tells a store that is new from one that lost its cluster. A host that is
// named is asked to join, and a person knows.
bool Context::may_begin(const PlanOptions& options) const {
  if (options.new_cluster) return true;
  const bool unasked = options.by_itself || options.host_side || options.unattended;
  const bool told = request_.scope == Scope::all || (isatty(STDIN_FILENO) == 1 && !in_automation());
  return (!unasked && told) || never_held_it();
}

bool Context::never_held_it() const {
  const bool is_file = keystore_ != nullptr && !file_of_store(access_.url).empty();
  return is_file && never_held(*keystore_, access_.url, StoreLayout(request_.cluster).head());
}

Status Context::open_memory(const GlobalOptions& global, const PlanOptions& options, const Needs& needs) {
  if (request_.scope == Scope::host || keystore_ == nullptr || !(needs.source || needs.memory)) return {};
  const MemoryPlace place{
      .folder = memory_folder(global, options), .url = access_.url, .cluster = request_.cluster};
  OVL_TRY(auto memory, ovl::open_memory(place, needs.writable));
  if (memory) memory_ = std::make_unique<State>(std::move(*memory));
  world_.memory = memory_.get();
  if (request_.scope == Scope::cluster && state_ == nullptr) recall_host(global);
  return {};
}

// What this machine as one of the hosts remembers of the same store.
void Context::recall_host(const GlobalOptions& global) {
  auto state = State::open_read_only({.root = global.state_directory, .cluster = request_.cluster});
  if (!state.ok()) return;
  const auto memory = memory_of(state.value());
  if (!memory.ok() || memory.value().lineage.empty()) return;
  if (store_place(memory.value().keystore) != store_place(access_.url)) return;
  state_ = std::make_unique<State>(std::move(state).value());
  world_.state = state_.get();
}

// Those of the store; while that can't be reached, those that this host realised last.
Result<Records> Context::records_now() {
  if (keystore_ != nullptr) {
    auto view = read_store(*keystore_, StoreLayout(request_.cluster));
    if (view.ok()) return std::move(view).value().records;
    if (!is_alone_ || !is_away(view.error(), access_.url)) return view.error();
  }
  if (!is_alone_) return Records();
  OVL_TRY(Remembered known, remember(*state_));
  return std::move(known).records;
}

// Of the host that this machine was when it applied last: its own name, or the one that it has got since. A
// manifest whose [[moved]] is gone again leaves that to the records.
Result<HostName> Context::name_now(const std::string& former, const Records& records) {
  if (!known_host(former, manifest_.get(), records)) {
    OVL_TRY(auto renamed, new_name_of(former, manifest_.get(), records, *state_));
    if (!renamed && manifest_ != nullptr) {
      OVL_TRY(const Records there, records_now());
      OVL_TRY(renamed, new_name_of(former, nullptr, there, *state_));
    }
    if (renamed) return std::move(*renamed);
  }
  return HostName::parse(former);
}

// The first of these names that is a host, or was called so. manifest: nullptr: the records say it.
Result<std::optional<HostName>> Context::find_name(const std::vector<std::string>& candidates,
                                                   const Manifest* manifest, const Records& records) const {
  for (const std::string& candidate : candidates) {
    if (auto name = known_host(candidate, manifest, records)) return name;
    OVL_TRY(auto renamed, new_name_of(candidate, manifest, records, *state_));
    if (renamed) return renamed;
  }
  return std::optional<HostName>();
}

Status Context::identify(const PlanOptions& options) {
  const bool follows = request_.scope == Scope::host;
  Records records;
  if (manifest_ == nullptr || follows) {
    auto now = records_now();
    if (!now.ok() && manifest_ == nullptr) return std::move(now).error();
    if (now.ok()) records = std::move(now).value();
  }
  // A host that was removed from the records is still the one that it was.
  OVL_TRY(const auto bound, state_->binding("host"));
  const std::string full = host_name();
  const std::vector<std::string> candidates =
      options.host.empty() ? std::vector<std::string>{full, full.substr(0, full.find('.'))}
                           : std::vector<std::string>{options.host};
  // Who follows the records goes by them: a folder's manifest may have a name that is over.
  std::vector<std::string> recorded = candidates;
  if (bound && options.host.empty()) recorded.push_back(*bound);
  std::optional<HostName> found;
  if (follows) {
    OVL_TRY(found, find_name(recorded, nullptr, records));
  }
  if (!found) {
    OVL_TRY(found, find_name(candidates, manifest_.get(), records));
  }
  if (found) {
    request_.host = *found;
    return {};
  }
  if (bound && (options.host.empty() || options.host == *bound)) {
    OVL_TRY(request_.host, name_now(*bound, records));
    return {};
  }
  return Error{.code = Errc::usage,
               .message = fmt::format("\"{}\" is not one of the declared hosts",
                                      printable(options.host.empty() ? full : options.host)),
               .hint = fmt::format("say which one this machine is: --host NAME (declared: {})",
                                   declared_hosts(manifest_.get(), records))};
}

Result<KeystoreAccess> access_in(const State& state) {
  OVL_TRY(const auto bound, state.binding("keystore"));
  if (!bound) return KeystoreAccess();
  OVL_TRY(const Value value, Value::parse_json(*bound));
  return decode<KeystoreAccess>(value);
}

Result<bool> Context::follow_name() {
  if (request_.scope != Scope::host || state_ == nullptr || request_.host.empty()) return false;
  OVL_TRY(const Records records, records_now());
  if (records.host(request_.host) != nullptr) return false;
  OVL_TRY(const auto renamed, new_name_of(request_.host.text(), nullptr, records, *state_));
  if (!renamed || *renamed == request_.host) return false;
  request_.host = *renamed;
  return true;
}

Result<std::chrono::milliseconds> parse_duration(const std::string& option, const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (error == std::errc{} && number >= 0 && number <= 86'400'000) {
    if (unit == "ms") return std::chrono::milliseconds(number);
    if (unit == "s" || unit.empty()) return std::chrono::milliseconds(number * 1000);
    if (unit == "m") return std::chrono::milliseconds(number * 60'000);
  }
  return Error{.code = Errc::usage,
               .message = fmt::format("{}: \"{}\" is no duration", said_by(option, text), printable(text)),
               .hint = "write it like 500ms, 30s or 2m"};
}

int report_error(const Error& error) {
  std::cerr << error_text(error, Style(wants_colour(STDERR_FILENO)));
  return exit_code(error.code);
}

}  // namespace ovl
