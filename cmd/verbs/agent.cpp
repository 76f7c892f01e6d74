// ovl agent: keeps this host as the records say, from change to change, until it is told to end. What a
// store that can't be reached costs is time: nothing is removed meanwhile.
#include <fmt/format.h>

#include <algorithm>

#include "cmd/base/exit.hpp"
#include "cmd/base/interrupt.hpp"
#include "cmd/session/context.hpp"
#include "cmd/session/keeping.hpp"
#include "cmd/session/left.hpp"
#include "cmd/verbs/verbs.hpp"
#include "drivers/kernel/look/address_watch.hpp"
#include "reconcile/cluster/lost_hosts.hpp"
#include "reconcile/cluster/recall.hpp"
#include "reconcile/host/observe.hpp"

namespace ovl {

namespace {

using std::chrono::milliseconds;

// Waits grow from the first to the second while the store can't be reached. A store that is restarted is back
// within seconds; one that is away for hours is not asked twice a second by every host of the cluster.
constexpr milliseconds kFirstRetry{500};
constexpr milliseconds kLastRetry{15'000};
// One look for a suspension, and for the wish to end, at least this often. The store's watch takes no other
// descriptor to wait for, so a longer wait for the store would make both late.
constexpr milliseconds kGlance{500};

// Level-triggered: what changed is never carried out as such, it only says that it is time to look. A change
// that was missed, told twice or told late costs one apply that finds nothing to do, and no error.
class Agent {
 public:
  Agent(Context& context, const GlobalOptions& global, milliseconds heartbeat, std::chrono::seconds ttl)
      : context_(context),
        global_(global),
        presence_(heartbeat, ttl),
        layout_(context.request().cluster),
        suspended_(global.state_directory) {}

  void run() {
    say_line(fmt::format("keeping {} in cluster {}", context_.request().host.text(),
                         context_.request().cluster.text()));
    watch_addresses();
    milliseconds retry = kFirstRetry;
    while (!interrupted()) {
      // A round ends in two ways: something has changed, and the next one applies it, or an error, and the
      // next one begins with everything that may have broken: the store, the session of the presence, the
      // watch.
      const Status status = round();
      if (status.ok()) {
        retry = kFirstRetry;
        continue;
      }
      // Before stand_alone(), which may take long: the log and the service manager say why the store is
      // missed while the host is kept without it.
      is_away_ = is_away(status.error(), context_.access().url);
      trouble_.tell(status.error());
      manager_.status(status.error().message);
      // The others see in this host's status what it fails at. Where the store is what fails nobody can be
      // told, and what passes by itself would be told and taken back again and again. That it can't be told
      // is no error of its own: the next round says it anew.
      if (lasts(status.error().code))
        static_cast<void>(presence_.place().tell_failure({}, status.error()).ok());
      if (is_away_) stand_alone();
      manager_.alive();
      // Not longer than the watchdog waits: a store that is away is no reason to start the agent again.
      wait_for_interrupt(std::min(retry, manager_.patience()));
      retry = std::min(retry * 2, kLastRetry);
    }
    manager_.stopping();
  }

 private:
  // Without the store this host is kept as it was realised last. What an apply waits for is waited for once.
  // With each retry, not only with the first: a host that boots while its store is away is made from what it
  // remembers, and what somebody breaks meanwhile is repaired as ever.
  void stand_alone() {
    const Status done = apply_once();
    // Told by a teller of its own: that of the rounds says that the store is away, and two errors in one
    // teller would each be news to the other, at every retry.
    if (!done.ok() && !is_away(done.error(), context_.access().url)) trouble_alone_.tell(done.error());
    if (done.ok()) trouble_alone_.forget();
  }

  // Applies, then waits for something to change, or for somebody who suspends it.
  Status round() {
    if (suspended_.holds()) {
      Status shown = show();
      stand_back();
      return shown;
    }
    OVL_CHECK(show());
    // The revision is taken before the apply reads: what is written while it runs comes out of the watch,
    // which begins here. What the apply itself writes comes too, and concerns_us() knows it as our own.
    OVL_TRY(const Snapshot before, keystore().read(KeySelection::only(layout_.head())));
    tell_reached();
    OVL_CHECK(apply_once());
    trouble_.well();
    OVL_CHECK(show());
    OVL_TRY(const auto watch, keystore().watch(layout_.tree(), before.revision));
    // Each turn is as long as one glance. Opening the store may take as long as its time-out, so that a
    // suspension is looked for before and after: nothing is done here once somebody has said that he works by
    // hand.
    while (!interrupted()) {
      manager_.alive();
      if (suspended_.holds()) break;
      OVL_CHECK(context_.reach_store());
      if (suspended_.holds()) break;
      OVL_CHECK(presence_.keep(suspended_.words()));
      OVL_TRY(const WatchBatch batch, watch->next(kGlance));
      // The list of namespaces is a file of this host, of which no store tells. Who adds a line to it, as a
      // refusal advised, is not made to restart the agent.
      OVL_TRY(const bool other_netns, context_.watch_netns());
      // A reset says that events may be missing (a compaction, a lost session): it stands for any change.
      if (other_netns || batch.reset || has_moved() ||
          std::ranges::any_of(batch.events, [this](const auto& e) { return concerns_us(e); }))
        break;
    }
    return {};
  }

  // There is nothing to do before somebody resumes it, and nothing to wait for who starts it. Ready although
  // it has applied nothing: systemd would else take a host where somebody works by hand for one whose service
  // failed to start.
  void stand_back() {
    manager_.ready();
    manager_.status("suspended");
    manager_.alive();
    wait_for_interrupt(kGlance);
  }

  // Only once the store has answered a read: that a connection was opened says nothing, as drivers connect
  // when they are first asked.
  void tell_reached() {
    if (!is_reached_) say_line("connected to " + context_.access().url);
    if (is_reached_ && is_away_) {
      say_line("connected again to " + context_.access().url);
      trouble_.forget();
    }
    is_reached_ = true;
    is_away_ = false;
  }

  // Before an apply, and after one: what this host says of itself is its own once it has applied.
  Status show() {
    OVL_CHECK(context_.reach_store());
    OVL_TRY(HostInStore place, HostInStore::in(context_));
    presence_.show_in(std::move(place));
    return presence_.keep(suspended_.words());
  }

  // Another generation, or another host's facts: an MTU, a VTEP. Not what hosts report. Where the records did
  // not fit their head: also what could make them fit again, which is a writer's end.
  [[nodiscard]] bool concerns_us(const WatchEvent& event) const {
    if (misfit_ && event.key == layout_.lock()) return true;
    // Our own facts are written by our own applies: an agent that heard itself would apply once more after
    // each.
    const bool of_others = event.key.starts_with(layout_.root() + "facts/") &&
                           event.key != layout_.facts(context_.request().host);
    return event.key == layout_.head() || of_others || is_about_loss(event);
  }

  // A host is lost, or is back. Of the statuses no others are looked at: hosts write theirs as they apply,
  // and an agent that followed them would apply whenever another one has.
  [[nodiscard]] bool is_about_loss(const WatchEvent& event) const {
    if (!event.key.starts_with(layout_.root() + "status/") || !event.value) return false;
    const auto of = [&](const HostName& host) { return event.key == layout_.status(host); };
    // That a host is back is in a status that no longer speaks of a loss, so that it takes our own memory of
    // who was lost to know that it concerns us.
    return tells_of_loss(*event.value) || std::ranges::any_of(lost_, of);
  }

  Status apply_once() {
    const auto applied = apply_unasked(context_, global_, warnings_, manager_);
    if (!applied.ok()) return applied.error();
    left_.tell(applied.value().left);
    misfit_ = applied.value().planned.cluster.misfit;
    remember_address(applied.value().planned);
    lost_ = applied.value().planned.cluster.lost;
    return {};
  }

  // Where it can't be watched, other changes bring the new address along. Not every kernel or sandbox lets a
  // process listen. It is a matter of minutes, not of right or wrong, and no reason to end.
  void watch_addresses() {
    auto watch = AddressWatch::open();
    if (watch.ok()) addresses_.emplace(std::move(watch).value());
  }

  void remember_address(const Planned& planned) {
    const auto asked = facts_request(context_.request().host, nullptr, planned.draft.desired);
    // Only for `advertise = "eth1"`: an address that stands in the record is changed in the manifest, not by
    // what the machine has.
    const bool follows = asked.ok() && asked.value().interface && planned.own.facts;
    asked_.reset();
    if (!follows) return;
    asked_ = asked.value();
    // What is recorded wins as long as the interface has it, else a second address (VRRP, a temporary IPv6
    // one) would look like a move.
    asked_->recorded = vtep_ = planned.own.facts->vtep;
  }

  // Whether the interface by which the others reach this host has lost the address that they know, or is gone
  // itself: an apply says so.
  bool has_moved() {
    // The kernel's messages are only a bell: what it rang for is asked in one dump, so that lost messages
    // (ENOBUFS) and a burst of them come to the same.
    if (!addresses_ || !addresses_->has_changed() || !asked_) return false;
    const auto facts = context_.world().kernel->facts(*asked_);
    // The interface or its last address is gone: an apply says so to the others. Any other failure says
    // nothing of the address.
    if (!facts.ok()) return facts.error().code == Errc::conflict;
    return facts.value().vtep != vtep_;
  }

  Keystore& keystore() { return *context_.world().keystore; }

  Context& context_;
  const GlobalOptions& global_;
  Presence presence_;
  StoreLayout layout_;
  SuspensionWatch suspended_;
  LeftTeller left_;
  WarningTeller warnings_;
  TroubleTeller trouble_;
  TroubleTeller trouble_alone_;  // of applies without the store
  ServiceManager manager_{service_place()};
  bool is_reached_ = false;  // the store has answered once
  bool is_away_ = false;     // and did not the last time
  std::optional<AddressWatch> addresses_;
  std::optional<FactsRequest> asked_;  // where this host's record names an interface
  std::optional<IpAddress> vtep_;      // what was told last
  std::vector<HostName> lost_;         // as of the last apply
  bool misfit_ = false;                // the last apply found records that are not those of their head
};

Result<int> agent(const GlobalOptions& global, const PlanOptions& given, const AgentOptions& options) {
  OVL_TRY(const milliseconds heartbeat, parse_duration("--heartbeat", options.heartbeat));
  OVL_TRY(const milliseconds ttl, parse_duration("--ttl", options.ttl));
  // One heartbeat that is late, as under a store's election, must not make the host absent for the others.
  if (heartbeat.count() <= 0 || ttl < heartbeat * 2) {
    return Error{.code = Errc::usage,
                 .message = "--ttl must be at least twice --heartbeat",
                 .hint = "leave both out: 20s and 60s"};
  }
  listen_for_interrupts();
  PlanOptions plan = given;
  // An agent changes no records, whatever manifest lies where it was started.
  plan.scope = "host";
  plan.unattended = true;
  OVL_TRY(Context context, Context::open(global, plan, {.manifest = false, .writable = true}));
  // Stores count a session's life in whole seconds; rounded down it could be shorter than two heartbeats.
  Agent(context, global, heartbeat, std::chrono::ceil<std::chrono::seconds>(ttl)).run();
  say_line("told to end");
  return kExitDone;
}

}  // namespace

int run_agent(const GlobalOptions& global, const PlanOptions& options, const AgentOptions& agent_options) {
  auto code = agent(global, options, agent_options);
  return code.ok() ? code.value() : report_error(code.error());
}

}  // namespace ovl
