// What runs for months has two lives. Rounds fail, and begin anew with everything that may have broken. What
// others see of the process must not blink with each of them: presence, suspension and what was said last are
// kept here, outside of any context, and outlive it.
#include "cmd/session/keeping.hpp"

#include <fmt/format.h>

#include <ctime>

#include "cmd/session/suspension.hpp"
#include "reconcile/host/host_status.hpp"
#include "reconcile/run/closing.hpp"

namespace ovl {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

Result<HostInStore> HostInStore::in(Context& context) {
  HostInStore out{.store = context.store(),
                  .url = context.access().url,
                  .layout = StoreLayout(context.request().cluster),
                  .host = context.request().host,
                  .holder = context.world().holder};
  if (context.world().state == nullptr) return out;
  OVL_TRY(const auto bound, context.world().state->binding("host"));
  // Under this very name: what a state of another name says is not this host's to tell.
  out.has_applied = bound == out.host.text();
  OVL_TRY(const auto claim, context.world().state->binding(kClaimBinding));
  out.claim = claim.value_or("");
  return out;
}

Result<HostInStore> HostInStore::as_it_was(const GlobalOptions& global, const PlanOptions& options) {
  // Opened as a host that follows the records: the manifest is what could not be read, and may be why this is
  // called.
  PlanOptions follower = options;
  follower.scope = "host";
  follower.repo.clear();
  follower.ref.clear();
  follower.path.clear();
  follower.unattended = true;
  follower.destroy = false;
  // An empty one in place of what lies here.
  const GivenManifest none;
  OVL_TRY(Context context, Context::open(global, follower, {.manifest = false}, &none));
  return in(context);
}

Result<bool> HostInStore::is_taken() const {
  // A state that never kept its claim can't tell, and says what it has to say as ever.
  if (store == nullptr || claim.empty()) return false;
  OVL_TRY(const auto there, store->get(layout.claim(host_claim(host))));
  // No claim at all: `host forget` took it, and nobody has the name yet. What this machine says is still its
  // own.
  return there && there->value != claim;
}

Status HostInStore::tell_failure(const std::string& commit, const Error& error) const {
  if (store == nullptr || !has_applied) return {};
  // A machine that was replaced and still runs would tell its failures as those of the new one, for which
  // others wait.
  OVL_TRY(const bool taken, is_taken());
  if (taken) return {};
  return ovl::tell_failure(*store, layout, host, failure_text(commit, error), std::time(nullptr));
}

// These end by themselves, or with the next try. What is told of them would be over before somebody reads it.
bool lasts(Errc code) {
  return code != Errc::unreachable && code != Errc::in_doubt && code != Errc::locked && code != Errc::stale &&
         code != Errc::interrupted;
}

void Presence::show_in(HostInStore place) {
  if (place.store == nullptr) return;
  // A context is opened anew with each revision, and the session shall outlive it: ending it would make the
  // host absent for a moment each time, as every watcher sees.
  const bool same =
      place.url == place_.url && place.layout.root() == place_.layout.root() && place.host == place_.host;
  // The session lives on the connection that it was opened on.
  if (same && session_ != nullptr) place.store = place_.store;
  // The key of the old one goes with it.
  if (!same || session_ == nullptr) session_.reset();
  place_ = std::move(place);
}

Status Presence::keep(const std::string& suspended) {
  if (place_.store == nullptr) return {};
  const auto now = steady_clock::now();
  // Asked at every glance; the store is asked once in a heartbeat, or at once when there is something else to
  // say.
  if (session_ && said_ == suspended && now - last_ < heartbeat_) return {};
  // Set before the store is asked: one that does not answer is not asked at each glance.
  last_ = now;
  OVL_TRY(const bool taken, place_.is_taken());
  if (taken) {
    session_.reset();
    return {};
  }
  // A session that ran out (a suspended laptop, a stopped process) is not renewed but opened anew, and its
  // key with it.
  const bool lives = session_ && session_->keep_alive().ok();
  if (!lives) {
    session_.reset();
    OVL_TRY(session_, place_.store->open_session(ttl_));
  }
  Status written = write(suspended, !lives);
  // Whatever state the key is in, the next call begins from nothing.
  if (!written.ok()) session_.reset();
  return written;
}

// Somebody, or a store that was restored, may have taken the key away under a session that lives.
Status Presence::write(const std::string& suspended, bool is_new) {
  const std::string key = place_.layout.presence(place_.host);
  OVL_TRY(const auto there, place_.store->get(key));
  if (there && !is_new && said_ == suspended) return {};
  Value value = encode(place_.holder);
  // In the key that goes with the process: a suspension that outlived it would be told of a host that is
  // gone.
  if (!suspended.empty()) value.set(kSuspendedMember, suspended);
  const Write write{.key = key, .value = value.json(), .session = session_->id()};
  OVL_TRY(const CommitResult done, place_.store->commit({.guards = {}, .writes = {write}}));
  static_cast<void>(done);
  said_ = suspended;
  return {};
}

// Reads the file each time: it is small, and who suspends does not wait for somebody's clock.
bool SuspensionWatch::holds() {
  const auto suspension = read_suspension(directory_);
  if (suspension && words_.empty()) say_line(suspension->words(), Priority::notice);
  if (!suspension && !words_.empty()) say_line("resumed", Priority::notice);
  words_ = suspension ? suspension->words() : std::string();
  return suspension.has_value();
}

void WarningTeller::tell(const std::vector<Finding>& warnings) {
  std::set<std::string> now;
  for (const Finding& warning : warnings) {
    std::string text = fmt::format("warning: {}: {}", warning.subject, warning.message);
    // By text: the same finding about another subject is another one.
    if (!told_.contains(text)) say_line(text, Priority::warning);
    now.insert(std::move(text));
  }
  // What is no longer warned of is forgotten, so that its return is told.
  told_ = std::move(now);
}

void TroubleTeller::tell(const Error& error) {
  // A service that fails the same way every 15 seconds for a night says so once, and its log shows when it
  // began.
  if (error.message == told_) return;
  // A store that is away is waited for; anything else is somebody's to mend.
  const Priority priority = error.code == Errc::unreachable ? Priority::warning : Priority::error;
  say_line(error.message, priority);
  if (!error.hint.empty()) say_line("hint: " + error.hint, priority);
  told_ = error.message;
}

void TroubleTeller::well() {
  if (!told_.empty()) say_line("all is well again", Priority::notice);
  told_.clear();
}

namespace {

// Each step of an apply is a sign of life.
Progress signs_of_life(ServiceManager& manager) {
  Progress out;
  out.tell = [&manager](const StepProgress&) {
    // EXTEND_TIMEOUT_USEC (sd_notify(3)): the start of a service with thousands of endpoints takes longer
    // than systemd's own 90 seconds, and is not stuck as long as steps go on.
    manager.wait_for(std::chrono::seconds(90));
    manager.alive();
  };
  return out;
}

void tell_changes(const GlobalOptions& global, const Applied& applied) {
  for (const std::string& line : change_lines(applied.planned.plan)) say_line(line);
  if (applied.planned.plan.empty() && global.verbose == 0) return;
  // The line begins with the generation; the last words need not repeat it.
  constexpr std::int64_t kSaidBefore = 0;
  const ClosingFacts facts = closing_facts(applied.planned.plan, kSaidBefore, applied.left);
  say_line(fmt::format("generation {}: {}", applied.serial, closing(facts).words), Priority::notice);
}

}  // namespace

namespace {

// Under the name that this host has by now, where it was renamed while this process ran.
Result<Applied> apply_as_called(Context& context, const Approve& approve, const Progress& progress) {
  // A host that was renamed finds no record of its name, which would mean that all of it is to be removed.
  // apply() says "stale" instead, and here is looked whether it only has another name.
  auto applied = apply(context.request(), context.world(), approve, progress);
  if (applied.ok() || applied.error().code != Errc::stale) return applied;
  OVL_TRY(const bool renamed, context.follow_name());
  if (!renamed) return applied;
  say_line(fmt::format("this host is called {} from now on", context.request().host.text()),
           Priority::notice);
  return apply(context.request(), context.world(), approve, progress);
}

}  // namespace

Result<Applied> apply_unasked(Context& context, const GlobalOptions& global, WarningTeller& warnings,
                              ServiceManager& manager) {
  // For the whole apply: nobody is asked, so nobody keeps it waiting.
  OVL_TRY(const auto lock, context.lock_host());
  // Read anew for each apply, as the policy is: what root takes out of the list must not be given to an
  // endpoint by a process that was started before.
  OVL_TRY(const bool other, context.refresh_netns());
  static_cast<void>(other);
  // The context is as old as the service; what is written says when it was written.
  context.world().now = std::time(nullptr);
  const auto approve = [&](const Plan& plan) {
    warnings.tell(plan.warnings);
    return Status();
  };
  OVL_TRY(Applied applied, apply_as_called(context, approve, signs_of_life(manager)));
  // Again, as an apply with nothing to do has asked for no approval. Told once all the same.
  warnings.tell(applied.planned.plan.warnings);
  tell_changes(global, applied);
  // After the first apply that went well: units that are ordered after this one need the networks, not the
  // process.
  manager.ready();
  manager.status(fmt::format("generation {}", applied.serial));
  return applied;
}

}  // namespace ovl
