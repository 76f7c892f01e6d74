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

// Waits grow from the first to the second while the store can't be reached.
constexpr milliseconds kFirstRetry{500};
constexpr milliseconds kLastRetry{15'000};
// One look for a suspension, and for the wish to end, at least this often.
constexpr milliseconds kGlance{500};

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
      const Status status = round();
      if (status.ok()) {
        retry = kFirstRetry;
        continue;
      }
      is_away_ = is_away(status.error(), context_.access().url);
      trouble_.tell(status.error());
      manager_.status(status.error().message);
      if (lasts(status.error().code))
        static_cast<void>(presence_.place().tell_failure({}, status.error()).ok());
      if (is_away_) stand_alone();
      manager_.alive();
      wait_for_interrupt(std::min(retry, manager_.patience()));
      retry = std::min(retry * 2, kLastRetry);
    }
    manager_.stopping();
  }

 private:
  // Without the store this host is kept as it was realised last. What an apply waits for is waited for once.
  void stand_alone() {
    const Status done = apply_once();
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
    OVL_TRY(const Snapshot before, keystore().read(KeySelection::only(layout_.head())));
    tell_reached();
    OVL_CHECK(apply_once());
    trouble_.well();
    OVL_CHECK(show());
    OVL_TRY(const auto watch, keystore().watch(layout_.tree(), before.revision));
    while (!interrupted()) {
      manager_.alive();
      if (suspended_.holds()) break;
      OVL_CHECK(context_.reach_store());
      if (suspended_.holds()) break;
      OVL_CHECK(presence_.keep(suspended_.words()));
      OVL_TRY(const WatchBatch batch, watch->next(kGlance));
      OVL_TRY(const bool other_netns, context_.watch_netns());
      if (other_netns || batch.reset || has_moved() ||
          std::ranges::any_of(batch.events, [this](const auto& e) { return concerns_us(e); }))
        break;
    }
    return {};
  }

  // There is nothing to do before somebody resumes it, and nothing to wait for who starts it.
  void stand_back() {
    manager_.ready();
    manager_.status("suspended");
    manager_.alive();
    wait_for_interrupt(kGlance);
  }

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
    const bool of_others = event.key.starts_with(layout_.root() + "facts/") &&
                           event.key != layout_.facts(context_.request().host);
    return event.key == layout_.head() || of_others || is_about_loss(event);
  }

  // A host is lost, or is back.
  [[nodiscard]] bool is_about_loss(const WatchEvent& event) const {
    if (!event.key.starts_with(layout_.root() + "status/") || !event.value) return false;
    const auto of = [&](const HostName& host) { return event.key == layout_.status(host); };
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

  // Where it can't be watched, other changes bring the new address along.
  void watch_addresses() {
    auto watch = AddressWatch::open();
    if (watch.ok()) addresses_.emplace(std::move(watch).value());
  }

  void remember_address(const Planned& planned) {
    const auto asked = facts_request(context_.request().host, nullptr, planned.draft.desired);
    const bool follows = asked.ok() && asked.value().interface && planned.own.facts;
    asked_.reset();
    if (!follows) return;
    asked_ = asked.value();
    asked_->recorded = vtep_ = planned.own.facts->vtep;
  }

  // Whether the interface by which the others reach this host has lost the address that they know, or is gone
  // itself: an apply says so.
  bool has_moved() {
    if (!addresses_ || !addresses_->has_changed() || !asked_) return false;
    const auto facts = context_.world().kernel->facts(*asked_);
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
  if (heartbeat.count() <= 0 || ttl < heartbeat * 2) {
    return Error{.code = Errc::usage,
                 .message = "--ttl must be at least twice --heartbeat",
                 .hint = "leave both out: 20s and 60s"};
  }
  listen_for_interrupts();
  PlanOptions plan = given;
  plan.scope = "host";
  plan.unattended = true;
  OVL_TRY(Context context, Context::open(global, plan, {.manifest = false, .writable = true}));
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
