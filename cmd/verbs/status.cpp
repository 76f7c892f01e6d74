// ovl status: the cluster's generation, and where every host stands; --wait until all stand there, --watch
// them from change to change.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ctime>
#include <iostream>

#include "cmd/base/describe.hpp"
#include "cmd/base/exit.hpp"
#include "cmd/base/interrupt.hpp"
#include "cmd/base/output_format.hpp"
#include "cmd/base/style.hpp"
#include "cmd/formats/status_counts.hpp"
#include "cmd/session/context.hpp"
#include "cmd/session/here.hpp"
#include "cmd/session/loss.hpp"
#include "cmd/session/suspension.hpp"
#include "cmd/verbs/verbs.hpp"
#include "reconcile/cluster/standing.hpp"
#include "reconcile/health/dropped.hpp"
#include "reconcile/host/host_status.hpp"
#include "reconcile/words/counted.hpp"

namespace ovl {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Of one call to a watch. Of no meaning for what is told: an empty batch only goes round again.
constexpr milliseconds kRound{60'000};

Value strings(const std::vector<std::string>& items) {
  Value out = Value::array();
  for (const std::string& item : items) out.push(item);
  return out;
}

// What was found here just now.
Value look_json(const LookHere& here) {
  Value out = Value::object();
  const Differing differing = differing_objects(here.plan);
  out.set("drift", static_cast<std::int64_t>(differing.count));
  out.set("differs", strings(differing.names));
  out.set("conflicts", value_of(here.plan.conflicts));
  out.set("warnings", value_of(here.plan.warnings));
  out.set("dropped", dropped_json(here.plan.observed, here.plan.cluster));
  return out;
}

Value host_json(const StoreView& view, const HostName& host, const LookHere& here) {
  Value item = Value::object();
  item.set("name", host.text());
  item.set("standing", standing_of(view, host).text);
  item.set("health", health_of(view, host, std::time(nullptr)));
  const auto suspended = view.suspended.find(host);
  if (suspended != view.suspended.end()) item.set("suspended", suspended->second);
  const auto at = view.status.find(host.text());
  if (at != view.status.end()) {
    item.set("status", encode(at->second));
    // A host of an older build says no "since": what it reported last is all that is known.
    item.set("since", at->second.since.value_or(at->second.when));
    item.set("drift", at->second.drift);
    item.set("differs", strings(at->second.differs));
  }
  // Beside what the host itself reported: the two differ when something has changed since its last apply.
  if (host == here.host) item.set("observed", look_json(here));
  return item;
}

Value status_json(const Label& cluster, const StoreView& view, const LookHere& here) {
  Value out = Value::object();
  out.set("format_version", kOutputFormat);
  out.set("cluster", cluster.text());
  if (view.head) out.set("head", encode(*view.head));
  if (const GenerationRecord* newest = newest_generation(view)) out.set("generation", encode(*newest));
  out.set("counts", counts_json(view));
  Value hosts = Value::array();
  for (const HostName& host : hosts_of(view, view.records)) hosts.push(host_json(view, host, here));
  out.set("hosts", std::move(hosts));
  out.set("refused", value_of(view.refused));
  out.set("unknown_keys", static_cast<std::int64_t>(view.unknown.count));
  return out;
}

// Which objects of a host differ: those it last reported, or those seen here just now. The names are cut
// where a host reported more than a status may hold, the count is not.
std::string differing_text(const std::string& what, const Differing& differing) {
  if (differing.count == 0) return {};
  const std::size_t named = differing.names.size();
  std::string out =
      fmt::format("{}: {} object{}\n", what, differing.count, differing.count == 1 ? " differs" : "s differ");
  for (const std::string& object : differing.names) out += "  " + printable(object) + "\n";
  if (named < differing.count) out += fmt::format("  ... and {} more\n", differing.count - named);
  return out;
}

std::string details_text(const StoreView& view, const HostName& host, const LookHere& here) {
  // What is seen now is newer than what was reported, and the report would only repeat it.
  if (host == here.host) {
    return differing_text(host.text() + ", looked at now", differing_objects(here.plan));
  }
  const auto at = view.status.find(host.text());
  if (at == view.status.end()) return {};
  const HostStatus& status = at->second;
  return differing_text(fmt::format("{}, reported {}", host.text(), ago(status.when, std::time(nullptr))),
                        {.count = static_cast<std::size_t>(status.drift), .names = status.differs});
}

// Hardening shall not look like random loss.
std::string dropped_text(const LookHere& here) {
  std::string out;
  for (const Dropped& item : dropped_by(here.plan.observed, here.plan.cluster)) {
    if (item.packets == 0) continue;
    out += fmt::format("dropped here ({}): {}: {}\n", item.reason, counted(item.packets, "packet"),
                       meaning_of_drop(item.reason));
  }
  return out;
}

std::string status_text(const Label& cluster, const StoreView& view, const LookHere& here) {
  // Nothing tells a store that never had it from one that lost it, where nobody remembers.
  if (!view.head) {
    return fmt::format("Cluster {}: not in this keystore; never applied, or lost\n", cluster.text());
  }
  const std::int64_t now = std::time(nullptr);
  std::string out = header_text(cluster.text(), view, now);
  Table table;
  const std::vector<HostName> hosts = hosts_of(view, view.records);
  for (const HostName& host : hosts) {
    const std::string since = standing_since(view, host, now);
    table.row({host.text(), printable(standing_of(view, host).text), since.empty() ? since : "for " + since,
               printable(health_of(view, host, now))});
  }
  out += table.text("  ");
  // Behind the table and not in it: most hosts have nothing to add.
  for (const HostName& host : hosts) out += details_text(view, host, here);
  // Whoever asks from a machine that is no host expects no look at it; who asks on a host without root is
  // told what is missing.
  if (!here.why.empty() && !here.is_stranger) {
    out += fmt::format("this host was not looked at: {}\n", printable(here.why));
  }
  out += dropped_text(here);
  for (const Finding& finding : here.plan.conflicts) {
    out += fmt::format(
        "conflict here: {}: {}{}\n", printable(finding.subject), printable(finding.message),
        finding.part.empty() ? "" : fmt::format("; {} is left as it is", printable(finding.part)));
  }
  for (const Finding& finding : here.plan.warnings) {
    // They follow below from the view itself, which has them also where this host is not looked at.
    if (finding.id == FindingId("refused-record") || finding.id == FindingId("unknown-keys")) continue;
    out += fmt::format("warning here: {}: {}\n", printable(finding.subject), printable(finding.message));
  }
  for (const Finding& finding : view.refused) {
    out += fmt::format("refused record {}: {}\n", printable(finding.subject), printable(finding.message));
  }
  if (const auto unknown = unknown_keys(view)) {
    out += fmt::format("not loaded: {}\n", printable(unknown->message));
  }
  return out;
}

// Refused records too: a host that stands at the head by keeping what it had has not got what the head says.
bool is_settled(const StoreView& view) {
  return view.head && view.refused.empty() && not_current(view, view.records).empty();
}

// The view once every host stands at the newest generation, or as it is when the time is over.
Result<StoreView> wait_for(Keystore& store, const StoreLayout& layout, milliseconds limit) {
  const auto deadline = steady_clock::now() + limit;
  while (true) {
    OVL_TRY(StoreView view, read_store(store, layout));
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
    // The time-out is no error here: the view is shown either way, with who is behind, and the verb decides.
    if (is_settled(view) || left.count() <= 0) return view;
    // From the revision of the view that was judged: what changes between the two calls is told by the watch.
    OVL_TRY(const auto watch, store.watch(layout.tree(), view.revision));
    OVL_CHECK(watch->next(left));
  }
}

std::string not_settled_text(const StoreView& view, const std::string& waited) {
  // A wait may be begun before the first apply, as in a script that starts both.
  if (!view.head) return fmt::format("the cluster was not applied within {}", waited);
  std::vector<std::string> behind;
  for (const NotCurrent& one : not_current(view, view.records)) {
    behind.push_back(fmt::format("{} ({})", one.host.text(), one.why));
  }
  if (behind.empty())
    return fmt::format("{} refused after {}", counted(view.refused.size(), "record"), waited);
  return fmt::format("{} of {} {} not up to date after {}: {}", behind.size(),
                     counted(hosts_of(view, view.records).size(), "host"), behind.size() == 1 ? "is" : "are",
                     waited, fmt::join(behind, ", "));
}

Error not_settled(const StoreView& view, const std::string& waited) {
  return Error{.code = Errc::stale,
               .message = not_settled_text(view, waited),
               .hint = "apply on these hosts, or look why it failed there: ovl status"};
}

// Where a view is told, and how: one document, or one a line where several follow each other.
struct StatusTelling {
  const GlobalOptions& global;
  const PlanOptions& options;
  Context& context;
  bool is_repeated = false;

  [[nodiscard]] std::string text(const StoreView& view, bool is_lost) const {
    const Label& cluster = context.request().cluster;
    // Anew for each view: with --watch the drift of this host is that of the moment too.
    const LookHere here = look_here(global, options);
    if (options.json) {
      const Value document = status_json(cluster, view, here);
      // A reader of --watch --json splits at line ends, without a parser that knows where a document ends.
      return (is_repeated ? document.json() : document.pretty_json()) + "\n";
    }
    std::string out = view.head || !is_lost ? status_text(cluster, view, here) : std::string();
    const auto suspended = read_suspension(global.state_directory);
    return out + (suspended ? fmt::format("this host is {}\n", suspended->words()) : std::string());
  }

  // Errors: guard, when it has lost what is remembered here.
  [[nodiscard]] Status operator()(const StoreView& view) const {
    const std::string loss = loss_of(global, options, context, view);
    std::cout << text(view, !loss.empty()) << std::flush;
    if (loss.empty()) return {};
    return Error{.code = Errc::guard,
                 .message = fmt::format("cluster {}: {}", context.request().cluster.text(), loss),
                 .hint = "see docs/keystores.md, Restoring"};
  }
};

// Until the tree of `view` has changed.
Status await_change(Keystore& store, const StoreLayout& layout, const StoreView& view) {
  OVL_TRY(const auto watch, store.watch(layout.tree(), view.revision));
  while (true) {
    OVL_TRY(const WatchBatch batch, watch->next(kRound));
    // After a reset nothing says what was missed: the tree is read again.
    if (batch.reset || !batch.events.empty()) return {};
  }
}

// A signal ends it, or an error.
Error watch_for_ever(const StatusTelling& telling, Keystore& store, const StoreLayout& layout) {
  listen_for_interrupts();
  // Until something is held or written the first signal ends the process at once (cmd/base/interrupt.cpp), so
  // this loop asks for none.
  for (bool first = true;; first = false) {
    auto view = read_store(store, layout);
    if (!view.ok()) return std::move(view).error();
    if (!first && !telling.options.json) std::cout << "\n";
    Status done = telling(view.value());
    if (done.ok()) done = await_change(store, layout, view.value());
    if (!done.ok()) return done.error();
  }
}

Result<int> status(const GlobalOptions& global, const PlanOptions& options, const StatusOptions& asked) {
  OVL_TRY(const milliseconds limit,
          asked.wait.empty() ? Result<milliseconds>(milliseconds(0)) : parse_duration("--wait", asked.wait));
  OVL_TRY(Context context, Context::open(global, options, {.manifest = false, .host = false}));
  Keystore& store = *context.world().keystore;
  const StoreLayout layout(context.request().cluster);
  const StatusTelling telling{global, options, context, asked.watch};
  if (asked.watch) return watch_for_ever(telling, store, layout);
  OVL_TRY(const StoreView view, wait_for(store, layout, limit));
  OVL_CHECK(telling(view));
  if (asked.wait.empty() || is_settled(view)) return kExitDone;
  report_error(not_settled(view, asked.wait));
  return kExitError;
}

}  // namespace

int run_status(const GlobalOptions& global, const PlanOptions& options, const StatusOptions& asked) {
  auto code = status(global, options, asked);
  if (code.ok()) return code.value();
  // Without its store a host is not lost: it keeps to a generation, and since when is what somebody wants to
  // know first.
  if (code.error().code == Errc::unreachable && !options.json) std::cout << alone_text(global, options);
  return report_error(code.error());
}

}  // namespace ovl
